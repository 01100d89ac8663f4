/* runner/model/threshold_moves.c: as malloc/malloc.c of glibc 2.36 has it. */
#include "runner/model/threshold_moves.h"
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs the four above it */

static struct image fresh(void)
{
    return (struct image){.word_size = 8,
                          .dynamic_threshold = true,
                          .thresholds = {128u << 10, 128u << 10},
                          .mmap_threshold_max = 32u << 20};
}

static struct pmt_mallopt call(int64_t param, int64_t value, int64_t result)
{
    return (struct pmt_mallopt){.param = param, .value = value, .result = result};
}

static void test_by_free(void **state)
{
    (void)state;
    struct image i = fresh();
    assert_false(threshold_moves_by_free(&i, 0x30000));                          /* of the heap */
    assert_false(threshold_moves_by_free(&i, (128u << 10) | PMT_CHUNK_MMAPPED)); /* no more */
    assert_false(threshold_moves_by_free(&i, (33u << 20) | PMT_CHUNK_MMAPPED));  /* too much */
    assert_int_equal(i.thresholds.mmap, 128u << 10);
    assert_true(threshold_moves_by_free(&i, 0x31000 | PMT_CHUNK_MMAPPED));
    assert_int_equal(i.thresholds.mmap, 0x31000);
    assert_int_equal(i.thresholds.trim, 0x62000);
    assert_true(threshold_moves_by_free(&i, (32u << 20) | PMT_CHUNK_MMAPPED));
    assert_false(threshold_moves_by_free(&i, 0x31000 | PMT_CHUNK_MMAPPED));
}

static void test_by_mallopt(void **state)
{
    (void)state;
    static const int others[] = {M_TOP_PAD, M_MMAP_MAX};
    for (unsigned at = 0; at < 2; at++) {
        struct image i = fresh();
        struct pmt_mallopt c = call(others[at], 0, 1);
        assert_false(threshold_moves_by_mallopt(&i, &c));
        assert_false(threshold_moves_by_free(&i, 0x31000 | PMT_CHUNK_MMAPPED)); /* they stay */
    }
    struct image i = fresh();
    struct pmt_mallopt arenas = call(M_ARENA_MAX, 1, 1), failed = call(M_MMAP_THRESHOLD, 1, 0),
                       mmap = call(M_MMAP_THRESHOLD, 65536, 1),
                       never = call(M_TRIM_THRESHOLD, -1, 1);
    assert_false(threshold_moves_by_mallopt(&i, &arenas));
    assert_false(threshold_moves_by_mallopt(&i, &failed));
    assert_true(i.dynamic_threshold);
    assert_true(threshold_moves_by_mallopt(&i, &mmap));
    assert_false(threshold_moves_by_mallopt(&i, &mmap)); /* it is there */
    assert_int_equal(i.thresholds.mmap, 65536);
    assert_int_equal(i.thresholds.trim, 128u << 10);
    assert_true(threshold_moves_by_mallopt(&i, &never));
    assert_true(i.thresholds.trim == UINT64_MAX);
    i.word_size = 4;
    assert_true(threshold_moves_by_mallopt(&i, &never));
    assert_int_equal(i.thresholds.trim, UINT32_MAX);
}

/* Another allocator, which has functions of these names. */
static void test_not_glibc(void **state)
{
    (void)state;
    struct image i = {.word_size = 8};
    struct pmt_mallopt c = call(M_MMAP_THRESHOLD, 65536, 1);
    assert_false(threshold_moves_by_mallopt(&i, &c));
    assert_false(threshold_moves_by_free(&i, 0x31000 | PMT_CHUNK_MMAPPED));
    assert_int_equal(i.thresholds.mmap, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_free),
                                       cmocka_unit_test(test_by_mallopt),
                                       cmocka_unit_test(test_not_glibc)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
