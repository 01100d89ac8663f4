/* Where the variables and functions of the program are, for --where: records of the fixed ones when
 * the program ends, of parameters and locals when the first call of their function returns. A
 * breakpoint stands at each function, behind its prologue, until it is hit; and one where that call
 * returns to. That is all that it costs: two stops for each function. Only the first image is
 * looked at. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* At the begin of an image. */
void where_begin(struct ptracer *t, struct tracee *thread);

/* As allocator_trapped(). */
bool where_trapped(struct ptracer *t, struct tracee *thread, int *instead);

bool where_is_about(const struct ptracer *t, const struct space *space);

/* The copy of such a space that a child got has no breakpoints of ours. */
void where_clean_child(const struct ptracer *t, const struct tracee *child);

/* The process is about to end: what has not been told yet is. `thread` NULL: its memory is gone. */
void where_end(struct ptracer *t, const struct space *space, struct tracee *thread);

/* Before threads are released: no breakpoint of ours is left, and who has just met one goes back to
 * it. */
void where_remove(struct ptracer *t);
bool where_untrap(const struct ptracer *t, struct tracee *thread);

void where_free(struct where *where); /* NULL is allowed */
