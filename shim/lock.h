/* A lock between the threads of a process that nobody waits for for ever: its holder may be gone.
 */
#ifndef PMT_LOCK_H
#define PMT_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct lock {
    uint32_t owner; /* tid, 0: free */
    uint32_t waiters;
};

/* False: this thread holds it already (a signal handler inside the locked part). After two seconds
 * the lock is taken over from a holder that does not give it back. */
bool lock_take(struct lock *lock);
void lock_release(struct lock *lock);

#endif
