/* runner/symbols/spans.c: against the definition, for every address. */
#include "runner/symbols/spans.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h> /* needs the four above it */

static void test_empty(void **state)
{
    (void)state;
    struct spans spans = {0};
    spans_close(&spans);
    assert_int_equal(spans_find(&spans, 0), SPANS_NONE);
    assert_int_equal(spans_find(&spans, UINT64_MAX), SPANS_NONE);
    spans_free(&spans);
}

static void test_borders(void **state)
{
    (void)state;
    struct spans spans = {0};
    spans_add(&spans, (struct span){.start = 10, .end = 20, .value = 1});
    spans_add(&spans, (struct span){.start = 12, .end = 14, .value = 2});
    spans_add(&spans, (struct span){.start = 20, .end = 20, .value = 3}); /* empty */
    spans_add(&spans, (struct span){.start = 30, .end = 25, .value = 4}); /* wrong */
    spans_add(&spans, (struct span){.start = UINT64_MAX - 1, .end = UINT64_MAX, .value = 5});
    spans_close(&spans);
    static const uint32_t expected[] = {1, 1, 2, 2, 1, 1, 1, 1, 1, 1, SPANS_NONE};
    for (uint64_t i = 0; i < 11; i++)
        assert_int_equal(spans_find(&spans, 10 + i), expected[i]);
    assert_int_equal(spans_find(&spans, 9), SPANS_NONE);
    assert_int_equal(spans_find(&spans, 27), SPANS_NONE);
    assert_int_equal(spans_find(&spans, UINT64_MAX - 1), 5);
    assert_int_equal(spans_find(&spans, UINT64_MAX), SPANS_NONE);
    spans_free(&spans);
}

static void test_rank(void **state)
{
    (void)state;
    struct spans spans = {0};
    spans_add(&spans, (struct span){.start = 1, .end = 5, .rank = 7, .value = 1});
    spans_add(&spans, (struct span){.start = 1, .end = 5, .rank = 9, .value = 2});
    spans_add(&spans, (struct span){.start = 1, .end = 5, .rank = 8, .value = 3});
    spans_close(&spans);
    assert_int_equal(spans_find(&spans, 1), 2);
    assert_int_equal(spans_find(&spans, 4), 2);
    spans_free(&spans);
}

/* Of all that contain the address: the last start, then the first end, then the rank. */
static uint32_t innermost(const struct span *items, size_t count, uint64_t address)
{
    const struct span *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct span *s = &items[i];
        if (s->start > address || s->end <= address)
            continue;
        if (!best || s->start > best->start ||
            (s->start == best->start &&
             (s->end < best->end || (s->end == best->end && s->rank > best->rank))))
            best = s;
    }
    return best ? best->value : SPANS_NONE;
}

static void test_random(void **state)
{
    (void)state;
    enum { SPANS = 40, ADDRESSES = 64 };
    srandom(7);
    for (int round = 0; round < 2000; round++) {
        struct spans spans = {0};
        struct span items[SPANS];
        size_t count = (size_t)random() % SPANS;
        for (size_t i = 0; i < count; i++) {
            uint64_t start = (uint64_t)random() % ADDRESSES;
            items[i] = (struct span){start, start + (uint64_t)random() % 20, i, (uint32_t)i};
            spans_add(&spans, items[i]);
        }
        spans_close(&spans);
        for (uint64_t address = 0; address < ADDRESSES + 20; address++)
            assert_int_equal(spans_find(&spans, address), innermost(items, count, address));
        spans_free(&spans);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_empty), cmocka_unit_test(test_borders),
                                       cmocka_unit_test(test_rank), cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
