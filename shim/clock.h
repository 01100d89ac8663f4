#ifndef PMT_CLOCK_H
#define PMT_CLOCK_H

#include "state.h"
#include "sys.h"
#include <time.h>

/* The time of a record, in the unit of live->clock. */
static inline uint64_t clock_now(void)
{
    if (likely(live->clock == PMT_CLOCK_TSC))
        return __builtin_ia32_rdtsc();
    return sys_clock(CLOCK_MONOTONIC);
}

#endif
