#include "shim/base/own_stack.h"
#include "shim/base/area.h"
#include "shim/base/patience.h"
#include "shim/base/state.h"
#include "shim/base/sys.h"

#define STACKS 4u
#define LOCKED STACKS /* one more, for the holder of the lock */
#define SIZE (64u << 10)
static unsigned char *stacks;
static uint32_t busy;    /* a bit each */
static uint32_t waiters; /* for one of them */
static uint32_t given;   /* so many were given back while somebody waited */

bool own_stack_init(void)
{
    stacks = area_get((STACKS + 1) * SIZE);
    return stacks;
}

#define STEP_MS 20
#define LONGEST_MS 160
#define PATIENCE_MS 200 /* while none is given back */

/* In own_stack_*.S: calls function(arg) on the stack that ends at `top`, a multiple of 16. */
HIDDEN void own_stack_call(void *top, void (*function)(void *), void *arg);

static bool try_take_one(unsigned i)
{
    return !(__atomic_fetch_or(&busy, 1u << i, __ATOMIC_ACQUIRE) & (1u << i));
}

static int try_take(void)
{
    for (unsigned i = 0; i < STACKS; i++)
        if (try_take_one(i))
            return (int)i;
    return -1;
}

/* Waits while others walk, or fork; not for ever. */
static int take(void)
{
    int stack = try_take();
    struct patience patience = {0, STEP_MS};
    while (stack < 0 && patience.waited < PATIENCE_MS) {
        __atomic_fetch_add(&waiters, 1, __ATOMIC_SEQ_CST);
        uint32_t before = __atomic_load_n(&given, __ATOMIC_SEQ_CST);
        stack = try_take();
        if (stack < 0)
            sys_futex_wait(&given, before, patience.step);
        __atomic_fetch_sub(&waiters, 1, __ATOMIC_SEQ_CST);
        if (stack < 0)
            stack = try_take();
        bool moved = __atomic_load_n(&given, __ATOMIC_RELAXED) != before;
        patience_slept(&patience, moved, LONGEST_MS);
    }
    return stack;
}

static void give_back(uint32_t which)
{
    __atomic_fetch_and(&busy, ~which, __ATOMIC_SEQ_CST);
    if (which == 1u << LOCKED || !__atomic_load_n(&waiters, __ATOMIC_SEQ_CST))
        return;
    __atomic_fetch_add(&given, 1, __ATOMIC_SEQ_CST);
    sys_futex_wake(&given, (unsigned)__builtin_popcount(which));
}

static void run_on(int stack, void (*function)(void *), void *arg)
{
    thread.left_at = (uintptr_t)__builtin_frame_address(0);
    own_stack_call(stacks + ((unsigned)stack + 1) * SIZE, function, arg);
    thread.left_at = 0;
    give_back(1u << stack);
}

bool own_stack_run(void (*function)(void *), void *arg)
{
    int stack = thread.left_at ? 0 : take();
    if (stack < 0)
        return false;
    if (thread.left_at)
        function(arg);
    else
        run_on(stack, function, arg);
    return true;
}

bool own_stack_run_blocked(void (*function)(void *), void *arg)
{
    uint64_t mask;
    if (thread.left_at)
        return own_stack_run(function, arg);
    if (!state_enter())
        return false;
    sys_block_signals(&mask);
    bool done = own_stack_run(function, arg);
    sys_restore_signals(&mask);
    state_leave();
    return done;
}

/* Whoever the lock was taken from, see lock.h, is there still. */
void own_stack_run_locked(void (*function)(void *), void *arg)
{
    int stack = thread.left_at ? -1 : try_take_one(LOCKED) ? (int)LOCKED : try_take();
    if (stack < 0)
        function(arg);
    else
        run_on(stack, function, arg);
}

bool own_stack_hold(void)
{
    uint32_t held = 0;
    for (unsigned i = 0; i < STACKS; i++) {
        int stack = take();
        if (stack < 0) {
            give_back(held);
            return false;
        }
        held |= 1u << stack;
    }
    return true;
}

void own_stack_free(void)
{
    __atomic_store_n(&waiters, 0, __ATOMIC_RELAXED); /* threads that only the parent has */
    __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
}
