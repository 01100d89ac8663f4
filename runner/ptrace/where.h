/* Where the variables and functions of the program are, for --where: records of the fixed ones when
 * the program ends, of parameters and locals when the first call of their function returns. A
 * breakpoint stands at each function, behind its prologue, until it is hit; and one where that call
 * returns to. That is all that it costs: two stops for each function. Only the first image is
 * looked at. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* At the begin of an image. */
void where_begin(struct ptracer *t, struct tracee *thread);

/* At a breakpoint. */
void where_at(struct ptracer *t, struct tracee *thread, uint64_t address,
              const struct user_regs_struct *regs);

/* The process is about to end: what has not been told yet is. `thread` NULL: its memory is gone. */
void where_end(struct ptracer *t, const struct space *space, struct tracee *thread);

void where_free(struct where *where); /* NULL is allowed */
