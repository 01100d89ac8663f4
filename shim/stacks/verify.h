/* --verify-stacks: every walk by rules is done by libunwind, too. */
#pragma once

#include "shim/stacks/unwind.h"

void verify_count(enum pmt_walks which);

/* `stack`: what the rules found, or if they `fell_back`, libunwind. */
void verify_walk(const struct unwind_stack *stack, struct unwind_registers from, uint32_t depth,
                 enum unwind_end end, bool fell_back);
