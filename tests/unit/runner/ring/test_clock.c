/* runner/ring/clock.c: times never run backwards, whatever is learnt about the rate of the TSC
 * meanwhile, and coarse times (the low word that the runner writes into the ring) are completed
 * rightly. */
#include "runner/base/now.h"
#include "runner/ring/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h> /* needs the four above it */

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void need_tsc(const struct clock *c)
{
    if (c->kind == PMT_CLOCK_TSC)
        return;
    print_message("this machine's TSC does not run at one rate\n");
    skip();
}

static void test_nanoseconds(void **state)
{
    (void)state;
    struct clock c = {.kind = PMT_CLOCK_MONOTONIC, .rate = 1ull << CLOCK_SHIFT};
    clock_start(&c, 5000);
    assert_int_equal(clock_ns(&c, 5000), 0);
    assert_int_equal(clock_ns(&c, 5001), 1);
    assert_int_equal(clock_ns(&c, 4000), 0); /* before the start */
    assert_int_equal(clock_ns(&c, 5000 + 86400000000000 * 365), 86400000000000 * 365);
    clock_adjust(&c);
    assert_int_equal(clock_ns(&c, 6000), 1000);
}

static void test_rate(void **state)
{
    (void)state;
    struct clock c;
    clock_init(&c);
    need_tsc(&c);
    sleep_ms(20);
    uint64_t start_ns = now_ns(CLOCK_MONOTONIC), start = __builtin_ia32_rdtsc();
    clock_start(&c, start);
    assert_int_equal(clock_ns(&c, start), 0);
    assert_int_equal(clock_ns(&c, start - 1000), 0);
    for (int i = 0; i < 10; i++) {
        sleep_ms(10);
        if (i == 5)
            clock_adjust(&c);
        uint64_t before = now_ns(CLOCK_MONOTONIC), tsc = __builtin_ia32_rdtsc(),
                 after = now_ns(CLOCK_MONOTONIC);
        uint64_t ns = clock_ns(&c, tsc), slack = (after - start_ns) / 100 + 50000;
        assert_in_range(ns, before - start_ns - slack, after - start_ns + slack);
    }
}

static void test_monotonic(void **state)
{
    (void)state;
    struct clock c;
    clock_init(&c);
    need_tsc(&c);
    clock_start(&c, __builtin_ia32_rdtsc());
    uint64_t last = 0, near = 0;
    for (int i = 0; i < 200000; i++) {
        if (i % 1000 == 0)
            clock_adjust(&c);
        uint64_t ns = clock_ns(&c, clock_whole(&c, &near, __builtin_ia32_rdtsc()));
        assert_true(ns >= last);
        last = ns;
    }
}

/* Records wait in the ring while the rate is learnt: the next one is older than the adjustment, but
 * not older than the last one that was converted. */
static void check_adjustment(uint64_t tenths_of_percent)
{
    struct clock c;
    clock_init(&c);
    need_tsc(&c);
    sleep_ms(5);
    clock_start(&c, __builtin_ia32_rdtsc());
    c.rate = c.rate / 1000 * tenths_of_percent;
    sleep_ms(5);
    uint64_t record = __builtin_ia32_rdtsc(), near = 0;
    uint64_t told = clock_ns(&c, clock_whole(&c, &near, record));
    sleep_ms(20);
    clock_adjust(&c);
    uint64_t next = clock_ns(&c, clock_whole(&c, &near, record + 1));
    assert_true(next >= told);
    uint64_t now = clock_ns(&c, __builtin_ia32_rdtsc());
    assert_true(now >= next);
}

static void test_adjustment(void **state)
{
    (void)state;
    check_adjustment(1000);
    check_adjustment(900); /* the first rate was too low */
    check_adjustment(1100);
}

/* Out of date by as much as a start is: the error of the first rate goes away. */
static void test_learning(void **state)
{
    (void)state;
    struct clock c;
    clock_init(&c);
    need_tsc(&c);
    sleep_ms(20);
    clock_start(&c, __builtin_ia32_rdtsc());
    uint64_t right = c.rate;
    c.rate += c.rate / 10;
    sleep_ms(50);
    clock_adjust(&c);
    assert_in_range(c.rate, right - right / 200, right + right / 200);
}

/* ---- coarse times ---- */

#define SPAN (1ull << 40)

static uint64_t coarse(uint64_t tsc)
{
    return (uint32_t)(tsc >> 8) | 1;
}

/* The time of a record that carries a copy of the time at `tsc`, after one at `last`. */
static uint64_t whole(uint64_t last, uint64_t tsc)
{
    struct clock c = {.kind = PMT_CLOCK_TSC, .last = last};
    uint64_t near = last, time = clock_whole(&c, &near, coarse(tsc));
    assert_int_equal(near, time);
    assert_int_equal(c.last, time);
    return time;
}

static void test_whole(void **state)
{
    (void)state;
    struct clock c = {.kind = PMT_CLOCK_TSC};
    uint64_t exact = 7 * SPAN + 12345, near = 0;
    assert_int_equal(clock_whole(&c, &near, exact), exact);
    assert_int_equal(c.last, exact);
    near = 0; /* a record of another ring, older than the latest of all */
    assert_int_equal(clock_whole(&c, &near, exact - 1000), exact - 1000);
    assert_int_equal(near, exact - 1000);
    assert_int_equal(c.last, exact);
    assert_in_range(whole(exact, exact + 100000), exact + 100000 - 512, exact + 100000 + 512);
    assert_int_equal(whole(exact, exact - 5000), exact); /* not before the last */
    assert_in_range(whole(exact, exact + SPAN / 4), exact + SPAN / 4 - 512, exact + SPAN / 4 + 512);
    c.kind = PMT_CLOCK_MONOTONIC; /* there all times are whole, small ones too */
    assert_int_equal(clock_whole(&c, &near, 77), 77);
}

/* The low word starts again every 2^40 ticks, six minutes at 3 GHz. */
static void test_whole_wraps(void **state)
{
    (void)state;
    for (int64_t last_at = -3000; last_at <= 3000; last_at += 250)
        for (int64_t now_at = -3000; now_at <= 3000; now_at += 250) {
            uint64_t last = 7 * SPAN + (uint64_t)last_at, now = 7 * SPAN + (uint64_t)now_at;
            uint64_t want = now > last ? now : last;
            assert_in_range(whole(last, now), want - 256, want + 256);
        }
    uint64_t last = 7 * SPAN - 1;
    assert_in_range(whole(last, last + SPAN / 3), last + SPAN / 3 - 512, last + SPAN / 3 + 512);
}

static void test_coarse(void **state)
{
    (void)state;
    struct clock c = {.kind = PMT_CLOCK_MONOTONIC};
    assert_int_equal(clock_coarse(&c), 0);
    c.kind = PMT_CLOCK_TSC;
    uint64_t before = __builtin_ia32_rdtsc();
    uint32_t word = clock_coarse(&c);
    uint64_t after = __builtin_ia32_rdtsc();
    assert_int_not_equal(word, 0); /* that would mean that the runner sleeps */
    uint64_t time = whole(before, (uint64_t)word << 8);
    assert_in_range(time, before - 512, after + 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nanoseconds), cmocka_unit_test(test_rate),
        cmocka_unit_test(test_monotonic),   cmocka_unit_test(test_adjustment),
        cmocka_unit_test(test_learning),    cmocka_unit_test(test_whole),
        cmocka_unit_test(test_whole_wraps), cmocka_unit_test(test_coarse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
