#include "runner/ring/clock.h"
#include "runner/base/now.h"
#include <cpuid.h>
#include <stdbool.h>

/* Intel SDM 17.17.1, AMD APM 13.2.4: the invariant TSC runs at one rate in every state of the
 * processor. */
static bool tsc_is_invariant(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
}

void clock_init(struct clock *c)
{
    *c = (struct clock){.kind = tsc_is_invariant() ? PMT_CLOCK_TSC : PMT_CLOCK_MONOTONIC,
                        .rate = 1ull << CLOCK_SHIFT};
    c->first_tsc = __builtin_ia32_rdtsc();
    c->first_ns = now_ns(CLOCK_MONOTONIC);
}

static uint64_t rate(const struct clock *c)
{
    uint64_t ticks = __builtin_ia32_rdtsc() - c->first_tsc;
    uint64_t ns = now_ns(CLOCK_MONOTONIC) - c->first_ns;
    return ticks ? (uint64_t)((double)ns / (double)ticks * (double)(1ull << CLOCK_SHIFT)) : c->rate;
}

uint32_t clock_coarse(const struct clock *c)
{
    uint32_t read = (uint32_t)(__builtin_ia32_rdtsc() >> 8);
    return c->kind != PMT_CLOCK_TSC ? 0 : read ? read : 1;
}

void clock_start(struct clock *c, uint64_t time)
{
    c->base = time;
    c->base_ns = 0;
    if (c->kind == PMT_CLOCK_TSC)
        c->rate = rate(c);
}

void clock_adjust(struct clock *c)
{
    if (c->kind != PMT_CLOCK_TSC || c->base == 0)
        return;
    if (c->last > c->base) {
        c->base_ns = clock_ns(c, c->last);
        c->base = c->last;
    }
    c->rate = rate(c);
}
