/* Signals that are meant for the program. */
#pragma once

#include <sys/types.h>

/* From now on what is sent to this process alone is passed on to `pid`. Ctrl-C reaches that by
 * itself; whoever reads our output may be gone. */
void pass_signals_to(pid_t pid);
