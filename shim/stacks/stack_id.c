#include "shim/stacks/stack_id.h"
#include "shim/base/own_stack.h"
#include "shim/stacks/interned.h"
#include "shim/stacks/unwind.h"
#include "shim/stacks/verify.h"
#include <string.h>

static uint32_t depth_of_call = PMT_MAX_FRAMES, depth_of_change = PMT_MAX_FRAMES;
static bool verifies;

bool stack_id_init(void)
{
    return unwind_init() && remembered_init() && own_stack_init() && interned_init();
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
    return verifies;
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

/* The frames that are enough when there is no room for all: there is some for the callers. */
static uint32_t stack_or_caller(struct unwind_stack *s)
{
    uint32_t id = interned_id(s);
    return id || s->count <= 1 ? id : stack_id_of_caller(s->pc[0]);
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

/* What is asked for, and done on an own stack. */
struct search {
    const struct call_frame *frame;
    struct unwind_registers here;
    uintptr_t caller;
    uint32_t depth, id;
};

static void of_frame(void *arg)
{
    struct search *s = arg;
    struct unwind_registers from = stack_id_registers(s->frame);
    struct unwind_stack stack;
    enum unwind_end end = unwind_walk(&stack, from, s->depth, false);
    if (unlikely(verifies))
        verify_walk(&stack, from, s->depth, end);
    if (end == UNWIND_WAS_CUT)
        verify_count(PMT_WALKS_CUT);
    uint32_t known = 0;
    s->id = stack_or_caller(&stack);
    if (unlikely(verifies) && s->depth == depth_of_call)
        known = stack_id_known(live, s->frame); /* the short way, and remembered walks */
    if (known && known != s->id)
        verify_count(PMT_WALKS_MISMATCHED);
}

uint32_t stack_id_of_frame(const struct call_frame *frame)
{
    struct search s = {.frame = frame, .depth = depth_of_call};
    s.id = unlikely(verifies) ? 0 : stack_id_known(live, frame);
    if (unlikely(!s.id))
        own_stack_run_blocked(of_frame, &s);
    return s.id;
}

/* ---- stacks of changes ---- */

/* Of the place in the shim where this is inlined. */
static inline __attribute__((always_inline)) struct unwind_registers registers(void)
{
    struct unwind_registers r;
#ifdef __i386__
    __asm__ volatile("call 1f\n1: popl %0\n movl %%esp, %1\n movl %%ebp, %2"
                     : "=&r"(r.pc), "=&r"(r.sp), "=&r"(r.fp));
#else
    __asm__ volatile("leaq 0(%%rip), %0\n movq %%rsp, %1\n movq %%rbp, %2"
                     : "=&r"(r.pc), "=&r"(r.sp), "=&r"(r.fp));
#endif
    return r;
}

static void of_caller(void *arg)
{
    struct search *s = arg;
    s->id = stack_id_of_caller(s->caller);
}

/* Through the shim's own frames, which are not recorded. */
static void here(void *arg)
{
    struct search *s = arg;
    struct unwind_stack stack;
    if (depth_of_change == 1)
        return of_caller(s);
    enum unwind_end end = unwind_walk(&stack, s->here, depth_of_change, false);
    if (unlikely(verifies))
        verify_walk(&stack, s->here, depth_of_change, end);
    if (stack.count == 1)
        s->caller = stack.pc[0];
    s->id = stack.count > 1 ? stack_or_caller(&stack) : stack_id_of_caller(s->caller);
}

uint32_t stack_id_here(uintptr_t caller)
{
    struct search s = {.here = registers(), .caller = caller};
    own_stack_run(here, &s);
    return s.id;
}

static void of_change(void *arg)
{
    struct call *call = &thread.call;
    struct search *s = arg;
    if (!state_in_call())
        return here(s);
    s->id = call->stack_id;
    if (!s->id) { /* not framed, or changed: a longjmp left the call behind */
        s->frame = (const struct call_frame *)call->frame;
        s->caller = call->caller;
        s->depth = depth_of_change;
        bool framed = call->framed && s->frame->caller == call->caller;
        (framed ? of_frame : of_caller)(s);
        call->stack_id = s->id;
    }
}

uint32_t stack_id_of_change(void)
{
    struct search s = {.here = registers()};
    own_stack_run(of_change, &s);
    return s.id;
}

uint32_t stack_id_of_signal(struct unwind_registers at, bool is_code)
{
    struct unwind_stack stack;
    unwind_walk_interrupted(&stack, at, depth_of_change, is_code);
    return stack_or_caller(&stack);
}
