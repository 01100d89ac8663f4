/* --verify-stacks: every walk by rules is done by libunwind, too. */
#pragma once

#include "shim/stacks/unwind.h"

void verify_count(enum pmt_walks which);

/* `stack`: what the rules found. */
void verify_walk(const struct unwind_stack *stack, struct unwind_registers from, uint32_t depth,
                 enum unwind_end end);
