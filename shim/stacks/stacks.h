/* Call stacks: interned, sent once as a stack record and then named by their id. */
#ifndef PMT_STACKS_H
#define PMT_STACKS_H

#include "shim/stacks/remembered.h"

bool stacks_init(void);

/* What is asked for: PMT_RING_..._STACKS, and how many frames at most. Without it, all and 64. */
void stacks_configure(uint32_t ring_flags, uint32_t depth);

/* Whether libunwind is needed. */
bool stacks_need_libunwind(void);

/* Around a fork, see walkers.h. If they could not be held, the child does without libunwind. */
bool stacks_hold(void);
void stacks_go_on(bool held, bool in_child);

/* The registers behind an interposed function. */
static inline struct unwind_registers stacks_registers(const struct frame *frame)
{
    return (struct unwind_registers){frame->caller, (uintptr_t)(frame + 1), frame->fp};
}

uint32_t stacks_find(struct unwind_registers from);

/* The id of an allocator call's stack, for the function with this frame; 0 if it takes more than
 * tables to find it. Nearly always it is where this call has been before. */
static inline __attribute__((always_inline)) uint32_t stacks_known(const struct live *l,
                                                                   const struct frame *frame)
{
    struct unwind_registers from = stacks_registers(frame);
    uint32_t id = likely(*l->alone) ? remembered_id_alone(from) : 0;
    return likely(id) ? id : stacks_find(from);
}

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
