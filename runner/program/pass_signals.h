/* Signals that are meant for the program. */
#ifndef PMT_PASS_SIGNALS_H
#define PMT_PASS_SIGNALS_H

#include <sys/types.h>

/* From now on what is sent to this process alone is passed on to `pid`. Ctrl-C reaches that by
 * itself; whoever reads our output may be gone. */
void pass_signals_to(pid_t pid);

#endif
