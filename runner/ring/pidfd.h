/* Processes that are not our children: whether, and how, they have ended. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

int pidfd_of(pid_t pid); /* -1: there is none */
bool pidfd_has_ended(int pidfd);

/* A status as waitpid(2) gives it, of the ended process that `pidfd` stands for. False: nobody
 * knows any more. */
bool pidfd_status(int pidfd, pid_t pid, int *status);
