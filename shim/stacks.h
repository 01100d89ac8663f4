/* Call stacks: interned, sent once as a stack record and then named by their id. */
#ifndef PMT_STACKS_H
#define PMT_STACKS_H

#include "state.h"

bool stacks_init(void);

/* What is asked for: PMT_RING_..._STACKS, and how many frames at most. Without it, all and 64. */
void stacks_configure(uint32_t ring_flags, uint32_t depth);

/* Whether libunwind is needed. */
bool stacks_need_libunwind(void);

/* Around a fork, see walkers.h. If they could not be held, the child does without libunwind. */
bool stacks_hold(void);
void stacks_go_on(bool held, bool in_child);

/* The id of an allocator call's stack, for the function with this frame; 0 if it takes more than
 * tables to find it. */
uint32_t stacks_known(const struct frame *frame);

/* The same whatever it takes. */
uint32_t stacks_of_frame(const struct frame *frame);

/* The id of the stack that is just this return address; 0 for none. */
uint32_t stacks_of_caller(uintptr_t caller);

/* The id of the stack from here on, without the shim's own frames; of just `caller` (0: not known)
 * where it cannot be walked. Signals must be blocked. */
uint32_t stacks_here(uintptr_t caller);

/* The stack of whatever the program does now: the interposed call's, or from here on. Signals must
 * be blocked. */
uint32_t stacks_of_change(void);

#endif
