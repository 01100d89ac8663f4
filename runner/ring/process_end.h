/* How a process ended that is not our child. */
#ifndef PMT_PROCESS_END_H
#define PMT_PROCESS_END_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether the process that `pidfd` stands for has ended. */
bool process_ended(int pidfd);

/* A status as waitpid(2) gives it, of the ended process that `pidfd` stands for. False: nobody
 * knows any more. */
bool process_end(int pidfd, pid_t pid, int *status);

#endif
