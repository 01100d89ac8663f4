/* Calls of the allocator: a breakpoint at the entry of each of its functions, and returns that come
 * by an address at which there is a breakpoint instruction anyway. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* Sets breakpoints in a program: in its own file, or in the libc that it has loaded, if that has
 * symbols and is mapped by now. */
void allocator_find(struct recorder *r, struct space *space, pid_t pid);

/* A SIGTRAP: if it is a breakpoint of ours everything is done, and the thread goes on; unless it
 * ends meanwhile: then `*instead` is the status that waitpid(2) gave, which is yet to be
 * handled. */
bool allocator_trapped(struct ptracer *t, struct tracee *thread, int *instead);

/* The copy of a space that a child got that is not recorded. */
void allocator_clean_child(const struct space *space, const struct tracee *thread);

/* Before a thread is released: it is to go on as if it had never met a breakpoint. `at_signal`: it
 * is stopped by a SIGTRAP; returns whether that was ours. */
bool allocator_untrap(struct tracee *thread, bool at_signal);
