#pragma once

#include "shim/base/state.h"
#include "shim/base/sys.h"
#include <time.h>

/* The time of a record, in the unit of live->clock. */
static inline uint64_t ticks_now(void)
{
    if (likely(live->clock == PMT_CLOCK_TSC))
        return __builtin_ia32_rdtsc();
    return sys_clock(CLOCK_MONOTONIC);
}

/* The same for the calls that come by the million: while the runner is at work it keeps the time in
 * the ring, and only every eighth call reads the clock, in case the runner is held up. Between
 * several threads times must tell which of two calls was first, so there they are exact. */
static inline uint64_t ticks_of_call(void)
{
    if (likely(*live->alone)) {
        uint32_t now = __atomic_load_n(&live->ring->now, __ATOMIC_RELAXED);
        if (likely(now) && likely(++live->copied % 8))
            return now;
    }
    return ticks_now();
}

/* The same as pmt_ring.now, for a compact record; the clock is read for the first in each KiB of
 * the ring, which is about one in thirty. */
static inline uint32_t ticks_compact(const struct live_page *l, uint32_t position)
{
    uint32_t now = __atomic_load_n(&l->ring->now, __ATOMIC_RELAXED);
    if (likely(now) && likely(position & 0x3e0))
        return now;
    uint32_t read = (uint32_t)(__builtin_ia32_rdtsc() >> 8);
    return read ? read : 1; /* rounded down, so that an exact time that follows is not before it */
}
