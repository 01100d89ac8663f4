#include "shim/stacks/verify.h"
#include "shim/stacks/libunwind_walk.h"
#include <string.h>

void verify_count(enum pmt_walks which)
{
    if (live->ring)
        __atomic_fetch_add(&live->ring->walks[which], 1, __ATOMIC_RELAXED);
}

static bool same(const struct unwind_stack *a, const struct unwind_stack *b)
{
    return a->count == b->count && a->hash == b->hash &&
           memcmp(a->pc, b->pc, a->count * sizeof *a->pc) == 0;
}

/* libunwind 1.6 sometimes takes what a signal has interrupted for a call. In the first and last
 * bytes of a function, where a register has just been pushed or popped, it then goes astray, and
 * just as a walk that makes the same error. */
static bool took_signal_for_call(const struct unwind_stack *by_libunwind,
                                 struct unwind_registers from, uint32_t depth)
{
    struct unwind_stack s;
    unwind_walk(&s, from, depth, true);
    return same(&s, by_libunwind);
}

static bool agree(const struct unwind_stack *stack, struct unwind_registers from, uint32_t depth,
                  enum unwind_end end)
{
    struct unwind_stack other;
    uintptr_t sp = state_owns_code(from.pc) ? 0 : from.sp; /* the shim's own frames do not count */
    enum unwind_end others_end = libunwind_walk(&other, depth, sp);
    return same(stack, &other) ? end == others_end : took_signal_for_call(&other, from, depth);
}

void verify_walk(const struct unwind_stack *stack, struct unwind_registers from, uint32_t depth,
                 enum unwind_end end)
{
    if (libunwind_is_ready()) {
        verify_count(PMT_WALKS_CHECKED);
        if (end == UNWIND_FAILED)
            verify_count(PMT_WALKS_FELL_BACK);
        else if (!agree(stack, from, depth, end))
            verify_count(PMT_WALKS_MISMATCHED);
    }
}
