/* One instruction of a stopped thread. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* The instruction at `address`, where a breakpoint is in the place of its first byte, `code`, which
 * is put back for so long; other threads could pass there unseen meanwhile. Returns the signal that
 * came instead, to be delivered, or -1 if the thread ends: `*instead` is what waitpid(2) said of
 * that. */
int step_over(const struct ptracer *t, const struct tracee *thread, uint64_t address, uint8_t code,
              int *instead);
