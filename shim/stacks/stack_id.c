#include "shim/stacks/stack_id.h"
#include "shim/base/sys.h"
#include "shim/stacks/interned.h"
#include "shim/stacks/libunwind_walk.h"
#include "shim/stacks/unwind.h"
#include "shim/stacks/verify.h"
#include "shim/stacks/walkers.h"
#include <string.h>

static uint32_t depth_of_call = PMT_MAX_FRAMES, depth_of_change = PMT_MAX_FRAMES;
static bool verifies;

bool stack_id_init(void)
{
    return unwind_init() && remembered_init() && walkers_init() && interned_init();
}

void stack_id_configure(uint32_t ring_flags, uint32_t depth)
{
    bool none = ring_flags & PMT_RING_NO_STACKS;
    if (depth == 0 || depth > PMT_MAX_FRAMES)
        depth = PMT_MAX_FRAMES;
    depth_of_change = none ? 1 : depth;
    depth_of_call = none || ring_flags & PMT_RING_CHANGE_STACKS ? 1 : depth;
    verifies = ring_flags & PMT_RING_VERIFY_STACKS;
}

bool stack_id_needs_libunwind(void)
{
    return depth_of_change > 1;
}

/* The frames that are enough when there is no room for all: there is some for the callers. */
static uint32_t stack_or_caller(struct unwind_stack *s)
{
    uint32_t id = interned_id(s);
    return id || s->count <= 1 ? id : stack_id_of_caller(s->pc[0]);
}

uint32_t stack_id_of_caller(uintptr_t caller)
{
    struct unwind_stack s;
    s.count = caller != 0;
    s.cut = false;
    s.pc[0] = caller;
    unwind_seal(&s);
    return interned_id(&s);
}

/* ---- stacks of allocator calls ---- */

uint32_t stack_id_find(struct unwind_registers from)
{
    if (unlikely(state_loader_owns(from.pc)))
        return 0;
    struct remembered *place = remembered_place(from);
    uint32_t id = remembered_id(place, from);
    return likely(id) ? id : remembered_walk(place, from, depth_of_call, interned_find);
}

struct search {
    struct unwind_stack *stack;
    struct unwind_registers from;
    uint32_t depth;
    enum unwind_end end;
};

static void search(void *arg)
{
    struct search *s = arg;
    s->end = unwind_walk(s->stack, s->from, s->depth, false);
}

/* Whether there is room below `sp` to read tables. */
static bool is_roomy(uintptr_t sp)
{
    const uintptr_t enough = 16u << 10;
    return unwind_on_own_stack(sp) &&
           (thread.own_stack.high == process.stack.high || sp - thread.own_stack.low > enough);
}

static void walk_by_rules(struct search *s)
{
    uint64_t mask;
    if (is_roomy(s->from.sp))
        return search(s);
    sys_block_signals(&mask);
    if (!walkers_run(search, s))
        *s->stack = (struct unwind_stack){.pc = {s->from.pc}, .count = 1};
    sys_restore_signals(&mask);
}

/* libunwind finds more than the rules did. */
static bool ask_libunwind(struct unwind_stack *s, uintptr_t sp, uint32_t depth)
{
    struct unwind_stack more;
    uint64_t mask;
    sys_block_signals(&mask);
    bool asked = libunwind_is_ready();
    if (asked && libunwind_walk(&more, depth, sp, true) != UNWIND_FAILED && more.count > s->count)
        *s = more;
    sys_restore_signals(&mask);
    return asked;
}

static uint32_t of_frame(const struct call_frame *frame, uint32_t depth)
{
    struct unwind_stack stack;
    struct search s = {&stack, stack_id_registers(frame), depth, UNWIND_FAILED};
    walk_by_rules(&s);
    bool fell_back = s.end == UNWIND_FAILED && ask_libunwind(&stack, s.from.sp, depth);
    if (unlikely(verifies))
        verify_walk(&stack, s.from, depth, s.end, fell_back);
    if (s.end == UNWIND_WAS_CUT)
        verify_count(PMT_WALKS_CUT);
    uint32_t id = stack_or_caller(&stack), known = 0;
    if (unlikely(verifies) && depth == depth_of_call)
        known = stack_id_known(live, frame); /* the short way, and remembered walks */
    if (known && known != id)
        verify_count(PMT_WALKS_MISMATCHED);
    return id;
}

uint32_t stack_id_of_frame(const struct call_frame *frame)
{
    uint32_t id = unlikely(verifies) ? 0 : stack_id_known(live, frame);
    return likely(id) ? id : of_frame(frame, depth_of_call);
}

/* ---- stacks of changes ---- */

uint32_t stack_id_here(uintptr_t caller)
{
    struct unwind_stack s;
    if (depth_of_change == 1 || !libunwind_is_ready())
        return stack_id_of_caller(caller);
    libunwind_walk(&s, depth_of_change, 0, true);
    return s.count > 1 ? stack_or_caller(&s) : stack_id_of_caller(s.count ? s.pc[0] : caller);
}

uint32_t stack_id_of_change(void)
{
    struct call *call = &thread.call;
    if (!state_in_call())
        return stack_id_here(0);
    const struct call_frame *frame = (const struct call_frame *)call->frame;
    bool framed = call->framed && frame->caller == call->caller; /* else a longjmp left it behind */
    if (!call->stack_id)
        call->stack_id =
            framed ? of_frame(frame, depth_of_change) : stack_id_of_caller(call->caller);
    return call->stack_id;
}
