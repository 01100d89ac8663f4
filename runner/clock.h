/* From the time of records to nanoseconds since the start of the trace. */
#ifndef PMT_RUNNER_CLOCK_H
#define PMT_RUNNER_CLOCK_H

#include "schemas/record.h"

struct clock {
    enum pmt_clock kind;
    uint64_t first_tsc, first_ns; /* a pair of readings at the start of the runner */
    uint64_t base, base_ns;       /* record time `base` is `base_ns` nanoseconds after the start */
    double ns_per_tick;
};

void clock_init(struct clock *clock);                /* chooses the TSC where it can be relied on */
void clock_start(struct clock *clock, uint64_t time); /* record time `time` is the start */

/* Takes another pair of readings: the longer the distance, the better known is the rate. Times that were
 * converted before stay right; the conversion stays monotonic. */
void clock_adjust(struct clock *clock);
uint64_t clock_ns(const struct clock *clock, uint64_t time);

#endif
