/* schemas/glibc.c against what glibc 2.36 was seen to do with these environments. */
#include "schemas/glibc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

#define DEFAULT (128u << 10)
#define TUNABLES "GLIBC_TUNABLES="
#define THRESHOLD "glibc.malloc.mmap_threshold="
#define OLD "MALLOC_MMAP_THRESHOLD_="

static struct pmt_process thresholds(unsigned word_size, const char *first, const char *second)
{
    struct glibc_settings settings = {.word_size = word_size};
    struct pmt_process process = {.word_size = (uint8_t)word_size};
    glibc_read_variable(&settings, first);
    if (second)
        glibc_read_variable(&settings, second);
    glibc_set_thresholds(&process, &settings);
    return process;
}

static void check(const char *variable, uint64_t want32, uint64_t want64)
{
    struct pmt_process p32 = thresholds(4, variable, NULL), p64 = thresholds(8, variable, NULL);
    assert_int_equal(p32.mmap_threshold, want32);
    assert_int_equal(p64.mmap_threshold, want64);
    assert_int_equal(p32.dynamic_threshold, want32 == DEFAULT);
    assert_int_equal(p64.dynamic_threshold, want64 == DEFAULT);
}

static void test_defaults(void **state)
{
    (void)state;
    check("A=1", DEFAULT, DEFAULT);
    check("", DEFAULT, DEFAULT);
    struct pmt_process p32 = thresholds(4, "A=1", NULL), p64 = thresholds(8, "A=1", NULL);
    assert_int_equal(p32.mmap_threshold_max, 512 << 10);
    assert_int_equal(p64.mmap_threshold_max, 32 << 20);
    assert_int_equal(p64.trim_threshold, DEFAULT);
}

static void test_numbers(void **state)
{
    (void)state;
    check(OLD "65536", 65536, 65536);
    check(OLD "0x10000", 65536, 65536);
    check(OLD "0XAAaa", 43690, 43690);
    check(OLD "0200000", 65536, 65536);
    check(OLD "0", 0, 0);
    check(OLD "", 0, 0);
    check(OLD "abc", 0, 0);
    check(OLD "08", 0, 0);
    check(OLD " \t65536", 65536, 65536);
    check(OLD "\n65536", 0, 0);
    check(OLD "+65536", 65536, 65536);
    check(OLD "65536abc", 65536, 65536);
    /* what no size_t holds does not count */
    check(OLD "4295032832", DEFAULT, 4295032832);
    check(OLD "-65536", DEFAULT, UINT64_MAX - 65535);
    check(OLD "9999999999999999999999", DEFAULT, UINT64_MAX);
}

static void test_tunables(void **state)
{
    (void)state;
    check(TUNABLES THRESHOLD "4096", 4096, 4096);
    check(TUNABLES "glibc.malloc.check=3:" THRESHOLD "0xff:x=1", 255, 255);
    check(TUNABLES "glibc.malloc.check=3", DEFAULT, DEFAULT);
    check(TUNABLES, DEFAULT, DEFAULT);
    /* others, whose names begin or end so */
    check(TUNABLES "glibc.malloc.mmap_threshold_max=1", DEFAULT, DEFAULT);
    check(TUNABLES "glibc.malloc.mmap_threshold_max=1:" THRESHOLD "5", 5, 5);
    check(TUNABLES "x" THRESHOLD "65536", DEFAULT, DEFAULT);
    check(TUNABLES "x" THRESHOLD "65536:" THRESHOLD "32768", 32768, 32768);
    check(TUNABLES "glibc.malloc.mmap_threshold", DEFAULT, DEFAULT);
    check(TUNABLES "glibc.malloc.mmap_threshold:" THRESHOLD "65536", 65536, 65536);
    check(TUNABLES "::" THRESHOLD "65536=3", 65536, 65536);
    /* the last one counts */
    check(TUNABLES THRESHOLD "65536:" THRESHOLD "32768", 32768, 32768);
    check(TUNABLES THRESHOLD "32768:" THRESHOLD "5000000000", 32768, 5000000000);
}

static void test_order(void **state)
{
    static const char tunable[] = TUNABLES THRESHOLD "32768", old[] = OLD "65536";
    (void)state;
    assert_int_equal(thresholds(8, tunable, old).mmap_threshold, 32768);
    assert_int_equal(thresholds(8, old, tunable).mmap_threshold, 32768);
    assert_int_equal(thresholds(8, old, OLD "1").mmap_threshold, 65536);
    assert_int_equal(thresholds(8, old, "MALLOC_TRIM_THRESHOLD_=7").trim_threshold, 7);
    /* such a name is none of a variable; in pieces of GLIBC_TUNABLES it is one */
    assert_int_equal(thresholds(8, "A=1", THRESHOLD "4096").mmap_threshold, DEFAULT);
    struct glibc_settings settings = {.word_size = 8};
    glibc_read_tunables(&settings, THRESHOLD "4096");
    assert_int_equal(settings.value[GLIBC_MMAP_THRESHOLD], 4096);
}

static void test_what_fixes_the_threshold(void **state)
{
    static const struct {
        const char *variable;
        bool dynamic;
    } cases[] = {
        {"MALLOC_TRIM_THRESHOLD_=1", false},
        {"MALLOC_TOP_PAD_=0", false},
        {"MALLOC_MMAP_MAX_=65536", false},
        {TUNABLES "glibc.malloc.trim_threshold=1", false},
        {TUNABLES "glibc.malloc.top_pad=0", false},
        {TUNABLES "glibc.malloc.mmap_max=100", false},
        {TUNABLES "glibc.malloc.mmap_max=", false},
        {TUNABLES "glibc.malloc.mmap_max=5000000000", true}, /* no int */
        {TUNABLES "glibc.malloc.mmap_max=-1", true},
        {TUNABLES "glibc.malloc.arena_max=1", true},
        {"MALLOC_ARENA_MAX=1", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pmt_process p = thresholds(8, cases[i].variable, NULL);
        assert_int_equal(p.dynamic_threshold, cases[i].dynamic);
        assert_int_equal(p.mmap_threshold, DEFAULT);
    }
}

static void test_usable(void **state)
{
    (void)state;
    assert_int_equal(glibc_usable(0x11, 4), 12);
    assert_int_equal(glibc_usable(0x11, 8), 8);
    assert_int_equal(glibc_usable(0x1002, 4), 4096 - 8);
    assert_int_equal(glibc_usable(0x1002, 8), 4096 - 16);
    assert_int_equal(glibc_usable(7, 4), 0); /* smaller than its header: corrupted */
}

static void test_chunks(void **state)
{
    static const uint64_t flags[] = {1, PMT_CHUNK_MMAPPED, 1 | PMT_CHUNK_NON_MAIN_ARENA};
    uint64_t chunk;
    (void)state;
    assert_int_equal(glibc_chunk_at(0x5655b1a0, 4), 0x5655b19c);
    assert_int_equal(glibc_chunk_at(0x5655b1a0, 8), 0x5655b198);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned word_size = 4; word_size <= 8; word_size += 4) {
            uint64_t usable = 4096 - glibc_chunk_header(flags[i], word_size);
            assert_true(glibc_chunk_make(usable, flags[i], word_size, &chunk));
            assert_int_equal(chunk, 4096 | flags[i]);
            assert_int_equal(glibc_usable(chunk, word_size), usable);
            assert_false(glibc_chunk_make(usable + 1, flags[i], word_size, &chunk));
            assert_true(glibc_chunk_make(0, flags[i], word_size, &chunk)); /* not known */
            assert_int_equal(chunk, flags[i]);
        }
    assert_false(glibc_chunk_make(UINT64_MAX - 7, 1, 8, &chunk));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_tunables),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_what_fixes_the_threshold),
        cmocka_unit_test(test_usable),
        cmocka_unit_test(test_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
