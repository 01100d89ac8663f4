/* A lock between the threads of a process that nobody waits for for ever: its holder may be
 * gone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct lock {
    uint32_t owner; /* tid, 0: free */
    uint32_t waiters;
    uint32_t turns; /* how often it was taken */
};

/* False: this thread holds it already (a signal handler inside the locked part). The lock is taken
 * over from a holder that does not give it back within two seconds. */
bool lock_take(struct lock *lock);
void lock_release(struct lock *lock);
