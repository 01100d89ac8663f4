/* SIGTRAP: whose breakpoint it was that a thread has met. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* If it was one of ours everything is done, and the thread goes on; unless it ends meanwhile: then
 * `*instead` is the status that waitpid(2) gave, which is yet to be handled. */
bool traps_handle(struct ptracer *t, struct tracee *thread, int *instead);

/* Before a thread is released: it is to go on as if it had never met a breakpoint. `at_signal`: it
 * is stopped by a SIGTRAP; returns whether that was ours. */
bool traps_undo(struct ptracer *t, struct tracee *thread, bool at_signal);

/* Before that: no breakpoint is left in the process. */
void traps_remove(const struct ptracer *t, const struct process *process);

/* A child has a copy of the space. */
bool traps_are_in(const struct ptracer *t, const struct space *space);
void traps_clean_child(const struct ptracer *t, const struct tracee *child);
