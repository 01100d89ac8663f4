/* What is in memory at the start, at the end and at moments that the user names, for --resident:
 * the first call of a function, and its return; a line when it is first come to, and the next one.
 * Breakpoints as in where.h. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* At the begin of an image. */
void moments_begin(struct ptracer *t, struct tracee *thread);

/* At a breakpoint. */
void moments_at(struct ptracer *t, struct tracee *thread, uint64_t address,
                const struct user_regs_struct *regs);

/* The process is about to end. */
void moments_end(struct ptracer *t, const struct space *space, struct tracee *thread);

/* The first name that is no function or line of the program; NULL: there is none. */
const char *moments_unknown(const struct moments *moments);

void moments_free(struct moments *moments); /* NULL is allowed */
