/* libunwind, to check the rules of unwind.h by. */
#pragma once

#include "shim/stacks/unwind.h"

/* Loads it out of the program's sight (RTLD_LOCAL). From a constructor only: never where ld.so's
 * lock may be held. */
void libunwind_load(void);

/* Around a fork, see own_stack.h. If they could not be held, the child does without libunwind, as
 * its locks may be taken for ever. */
bool libunwind_hold(void);
void libunwind_go_on(bool held, bool in_child);

/* Whether it is there, and may be called now: not while ld.so is at work, whose lock it waits
 * for. */
bool libunwind_is_ready(void);

/* The stack from the frame with this stack pointer on, without the shim's own frames. On an own
 * stack. */
enum unwind_end libunwind_walk(struct unwind_stack *stack, uint32_t depth, uintptr_t sp);
