/* System calls that change the map, from their entry to the look at their result. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* A system call begins, or ends, in a thread that is stopped there. */
void syscall_stops_handle(struct ptracer *t, struct tracee *thread);

/* The thread has nothing to do with the map any more; the next one may change it. */
void syscall_stops_let_next(struct ptracer *t, struct space *space, struct tracee *holder);
