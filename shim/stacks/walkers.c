#include "shim/stacks/walkers.h"
#include "shim/base/area.h"
#include "shim/base/state.h"
#include "shim/base/sys.h"

#define WALKERS 4u
#define WALKER_STACK (64u << 10)
static unsigned char *stacks;
static uint32_t walkers_busy; /* a bit each */

bool walkers_init(void)
{
    stacks = area_get(WALKERS * WALKER_STACK);
    return stacks;
}

#define WAIT_STEP_MS 1
#define WAIT_STEPS 200

/* In walkers_*.S: calls function(arg) on the stack that ends at `top`, a multiple of 16. */
HIDDEN void walkers_on_stack(void *top, void (*function)(void *), void *arg);

static int try_take_walker(void)
{
    for (unsigned i = 0; i < WALKERS; i++)
        if (!(__atomic_fetch_or(&walkers_busy, 1u << i, __ATOMIC_ACQUIRE) & (1u << i)))
            return (int)i;
    return -1;
}

/* Waits while others walk, or fork; not for ever. */
static int take_walker(void)
{
    const uint32_t never = 0;
    int walker = try_take_walker();
    for (int step = 0; walker < 0 && step < WAIT_STEPS; step++) {
        sys_futex_wait((uint32_t *)&never, never, WAIT_STEP_MS);
        walker = try_take_walker();
    }
    return walker;
}

static void give_back(uint32_t walkers)
{
    __atomic_fetch_and(&walkers_busy, ~walkers, __ATOMIC_RELEASE);
}

bool walkers_run(void (*function)(void *), void *arg)
{
    int walker = take_walker();
    if (walker < 0)
        return false;
    walkers_on_stack(stacks + (walker + 1u) * WALKER_STACK, function, arg);
    give_back(1u << walker);
    return true;
}

bool walkers_hold(void)
{
    uint32_t held = 0;
    for (unsigned i = 0; i < WALKERS; i++) {
        int walker = take_walker();
        if (walker < 0) {
            give_back(held);
            return false;
        }
        held |= 1u << walker;
    }
    return true;
}

void walkers_free(void)
{
    __atomic_store_n(&walkers_busy, 0, __ATOMIC_RELEASE);
}
