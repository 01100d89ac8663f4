/* From the time of records to nanoseconds since the start of the trace. */
#pragma once

#include "schemas/record.h"

#define CLOCK_SHIFT 40

struct clock {
    enum pmt_clock kind;
    uint64_t first_tsc, first_ns; /* a pair of readings at the start of the runner */
    uint64_t base, base_ns;       /* record time `base` is `base_ns` nanoseconds after the start */
    uint64_t rate; /* nanoseconds a tick, as a fixed-point number with CLOCK_SHIFT binary places */
    uint64_t last; /* the latest record time that clock_whole() returned */
};

void clock_init(struct clock *clock); /* chooses the TSC where it can be relied on */
void clock_start(struct clock *clock, uint64_t time); /* record time `time` is the start */

/* Takes another pair of readings: the longer the distance, the better known is the rate. It holds
 * for times after the last that clock_whole() returned, so the conversion stays monotonic. */
void clock_adjust(struct clock *clock);
static inline uint64_t clock_ns(const struct clock *clock, uint64_t time)
{
    __extension__ typedef unsigned __int128 wide;
    if (time >= clock->base)
        return clock->base_ns + (uint64_t)((wide)(time - clock->base) * clock->rate >> CLOCK_SHIFT);
    uint64_t before = (uint64_t)((wide)(clock->base - time) * clock->rate >> CLOCK_SHIFT);
    return before < clock->base_ns ? clock->base_ns - before : 0;
}

/* The value of pmt_ring.now for this moment; 0 if the clock is not the TSC. */
uint32_t clock_coarse(const struct clock *clock);

/* The whole of a record's time, which may be a copy of pmt_ring.now; then it is not before `*near`,
 * the time of the record before in the same ring, which becomes this one's. */
static inline uint64_t clock_whole(struct clock *clock, uint64_t *near, uint64_t time)
{
    uint64_t whole = time;
    if (!(time >> 32) && clock->kind == PMT_CLOCK_TSC) {
        const uint64_t span = 1ull << 40;
        whole = (*near & ~(span - 1)) | time << 8;
        if (whole + span / 2 < *near) /* the bits above have counted on since */
            whole += span;
        else if (whole > *near + span / 2 && whole >= span) /* ... or not yet */
            whole -= span;
        whole = whole > *near ? whole : *near;
    }
    if (whole > clock->last)
        clock->last = whole;
    return *near = whole;
}
