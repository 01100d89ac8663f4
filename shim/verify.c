#include "verify.h"
#include "libunwind_walk.h"
#include "sys.h"
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

void verify_walk(const struct unwind_stack *stack, struct unwind_registers from, uint32_t depth,
                 enum unwind_end end, bool fell_back)
{
    struct unwind_stack other;
    uint64_t mask;
    sys_block_signals(&mask);
    if (libunwind_is_ready()) {
        verify_count(PMT_WALKS_CHECKED);
        if (fell_back)
            verify_count(PMT_WALKS_FELL_BACK);
        else if (libunwind_walk(&other, depth, from.sp, false) != end || !same(stack, &other))
            verify_count(PMT_WALKS_MISMATCHED);
    }
    sys_restore_signals(&mask);
}
