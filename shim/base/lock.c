#include "shim/base/lock.h"
#include "shim/base/patience.h"
#include "shim/base/state.h"
#include "shim/base/sys.h"

#define STEP_MS 20 /* a wake-up was lost if its sender has died before it */
#define LONGEST_MS 320
#define PATIENCE_MS 2000 /* without a change of the holder */

static bool try_take(struct lock *lock, uint32_t tid)
{
    uint32_t none = 0;
    bool taken = __atomic_compare_exchange_n(&lock->owner, &none, tid, false, __ATOMIC_ACQUIRE,
                                             __ATOMIC_RELAXED);
    if (taken)
        __atomic_store_n(&lock->turns, lock->turns + 1, __ATOMIC_RELAXED);
    return taken;
}

bool lock_take(struct lock *lock)
{
    uint32_t tid = state_tid();
    if (try_take(lock, tid))
        return true;
    if (__atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == tid)
        return false;
    uint32_t turn = __atomic_load_n(&lock->turns, __ATOMIC_RELAXED);
    struct patience patience = {0, STEP_MS};
    while (patience.waited < PATIENCE_MS) {
        __atomic_fetch_add(&lock->waiters, 1, __ATOMIC_SEQ_CST);
        uint32_t owner = __atomic_load_n(&lock->owner, __ATOMIC_SEQ_CST);
        if (owner)
            sys_futex_wait(&lock->owner, owner, patience.step);
        __atomic_fetch_sub(&lock->waiters, 1, __ATOMIC_SEQ_CST);
        if (try_take(lock, tid))
            return true;
        uint32_t now = __atomic_load_n(&lock->turns, __ATOMIC_RELAXED);
        /* another thread was faster: nobody keeps the lock */
        patience_slept(&patience, now != turn, LONGEST_MS);
        turn = now;
    }
    __atomic_store_n(&lock->owner, tid, __ATOMIC_SEQ_CST);
    state_lost(PMT_LOSS_LOCK);
    return true;
}

void lock_release(struct lock *lock)
{
    uint32_t tid = state_tid();
    if (!__atomic_compare_exchange_n(&lock->owner, &tid, 0, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED))
        return; /* taken over meanwhile */
    if (__atomic_load_n(&lock->waiters, __ATOMIC_SEQ_CST))
        sys_futex_wake(&lock->owner, 1); /* who finds it taken again is woken by the next holder */
}
