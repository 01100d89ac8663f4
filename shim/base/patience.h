/* How long a thread waits for what others have, in steps of a sleep that somebody may end earlier.
 */
#pragma once

#include <stdbool.h>

struct patience {
    unsigned waited, step; /* milliseconds: since something moved; of the next sleep */
};

/* After a sleep. While others are served there is hope, and for one of many the turn comes late:
 * the steps double up to `longest`, so that nobody wakes to look in vain. */
static inline void patience_slept(struct patience *p, bool moved, unsigned longest)
{
    if (moved) {
        p->waited = 0;
        p->step = p->step * 2 > longest ? longest : p->step * 2;
    }
    p->waited += p->step;
}
