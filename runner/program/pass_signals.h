/* Signals that are meant for the program. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* From now on what is sent to this process alone is passed on to `pid`. Whoever reads our
 * output may be gone. `keys`: Ctrl-C does not reach `pid` by itself. */
void pass_signals_to(pid_t pid, bool keys);
