/* The id of the call stack for a record: of an allocator call, of a change. */
#pragma once

#include "shim/stacks/remembered.h"

bool stack_id_init(void);

/* What is asked for: PMT_RING_..._STACKS, and how many frames at most. Without it, all and 64. */
void stack_id_configure(uint32_t ring_flags, uint32_t depth);

/* Whether libunwind is needed. */
bool stack_id_needs_libunwind(void);

/* The registers behind an interposed function. */
static inline struct unwind_registers stack_id_registers(const struct call_frame *frame)
{
    return (struct unwind_registers){frame->caller, (uintptr_t)(frame + 1), frame->fp};
}

uint32_t stack_id_find(struct unwind_registers from);

/* The id of an allocator call's stack, for the function with this frame; 0 if it takes more than
 * tables to find it. Nearly always it is where this call has been before. */
static inline __attribute__((always_inline)) uint32_t stack_id_known(const struct live_page *l,
                                                                     const struct call_frame *frame)
{
    struct unwind_registers from = stack_id_registers(frame);
    uint32_t id = likely(*l->alone) ? remembered_id_alone(from) : 0;
    return likely(id) ? id : stack_id_find(from);
}

/* The same whatever it takes. */
uint32_t stack_id_of_frame(const struct call_frame *frame);

/* The stack that is just this return address; 0: none. On an own stack. */
uint32_t stack_id_of_caller(uintptr_t caller);

/* The id of the stack from here on, without the shim's own frames; of just `caller` (0: not known)
 * where it cannot be walked. Signals must be blocked. */
uint32_t stack_id_here(uintptr_t caller);

/* The stack where a signal has interrupted the thread; `is_code`: the instruction could be fetched.
 * On an own stack. */
uint32_t stack_id_of_signal(struct unwind_registers at, bool is_code);

/* The stack of whatever the program does now: the interposed call's, or from here on. Signals must
 * be blocked. */
uint32_t stack_id_of_change(void);
