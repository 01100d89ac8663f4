#include "shim/looks/attention.h"
#include "shim/base/own_map.h"
#include "shim/base/own_stack.h"
#include "shim/base/sys.h"
#include "shim/looks/snapshot.h"
#include "shim/stacks/stack_id.h"
#include "shim/stacks/unwind.h"

void attention_loader_ran(void)
{
    state_attend(ATTENTION_LOADER);
    if (!thread.loader_ran)
        __atomic_fetch_add(&live->loaders, 1, __ATOMIC_RELAXED);
    thread.loader_ran = 1;
}

/* The map as ld.so left it is recorded now. */
static void loader_was_looked_at(void)
{
    if (thread.loader_ran) {
        __atomic_fetch_sub(&live->loaders, 1, __ATOMIC_RELAXED);
        unwind_look_again();
        if (!thread.loader.call) /* it may have taken a library away as well */
            unwind_forget();
    }
    thread.loader_ran = 0;
    if (thread.loader.frame == 0) /* a jump: nobody will come back to say that it is over */
        thread.loader.call = PMT_CALL_NONE;
}

/* The stack pointer of the main thread lies below the stack as last seen: the stack has grown, or
 * this is a signal stack or a coroutine's. */
static void stack_is_low(uintptr_t sp, uint32_t stack_id)
{
    uint64_t low, high;
    if (sp - thread.other_low < thread.other_high - thread.other_low)
        return;
    snapshot_stack(stack_id);
    thread.stack_low = (uintptr_t)process.stack.low;
    if (sp < process.stack.low && own_map_find(sp, &low, &high)) {
        thread.other_low = (uintptr_t)low;
        thread.other_high = (uintptr_t)high;
    }
}

/* What is to be looked at, on an own stack. */
struct look {
    enum pmt_reason reason;
    uint32_t stack_id;
    uintptr_t sp;
};

static void wanted(void *arg)
{
    const struct look *look = arg;
    uint32_t wanted = __atomic_exchange_n(&live->attention, 0, __ATOMIC_RELAXED);
    if (thread.loader_ran)
        wanted |= ATTENTION_LOADER;
    if (wanted)
        snapshot_whole(wanted & ATTENTION_LOADER ? PMT_REASON_LOADER : PMT_REASON_RETRY,
                       look->stack_id);
    if (look->sp < thread.stack_low)
        stack_is_low(look->sp, look->stack_id);
}

static void whole(void *arg)
{
    const struct look *look = arg;
    snapshot_whole(look->reason, look->stack_id);
}

static void last(void *arg)
{
    const struct look *look = arg;
    if ((__atomic_exchange_n(&live->attention, 0, __ATOMIC_RELAXED) & ATTENTION_LOADER) ||
        live->loaders)
        snapshot_whole(PMT_REASON_LOADER, look->stack_id);
    snapshot_stack(look->stack_id);
    snapshot_whole(look->reason, look->stack_id);
}

void attention_pay(uintptr_t caller)
{
    struct look look = {.sp = (uintptr_t)__builtin_frame_address(0)};
    uint64_t mask;
    if (!state_enter())
        return;
    sys_block_signals(&mask);
    look.stack_id = thread.loader.call ? thread.loader.stack_id : stack_id_here(caller);
    if (lock_take(&map_lock)) {
        own_stack_run_locked(wanted, &look);
        lock_release(&map_lock);
        loader_was_looked_at();
        state_update();
    }
    sys_restore_signals(&mask);
    state_leave();
}

void attention_after_call(uintptr_t caller)
{
    struct look look = {.reason = PMT_REASON_CALL};
    uint64_t mask;
    if (thread.busy || !state_enter())
        return;
    if ((uint32_t)sys0(__NR_getpid) != live->pid) {
        state_leave();
        return;
    }
    sys_block_signals(&mask);
    look.stack_id = stack_id_here(caller);
    __atomic_fetch_add(&live->unmapped, 1, __ATOMIC_RELEASE); /* for all that is known */
    if (lock_take(&map_lock)) {
        own_stack_run_locked(whole, &look);
        lock_release(&map_lock);
    }
    sys_restore_signals(&mask);
    state_leave();
}

void attention_last_look(enum pmt_reason reason, uint32_t stack_id)
{
    struct look look = {reason, stack_id, 0};
    if (!lock_take(&map_lock))
        return;
    own_stack_run_locked(last, &look);
    lock_release(&map_lock);
}
