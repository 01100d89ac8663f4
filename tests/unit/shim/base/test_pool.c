/* shim/base/area.c and pool.c: the shim's own memory, and the pool in it. Compiled for this
 * machine; the system calls go through syscall(2). The pool is never emptied: the tests run in this
 * order, once. */
#include "shim/base/area.h"
#include "shim/base/pool.h"
#include "shim/base/sys.h"
#include "tests/unit/random.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h> /* needs the four above it */

#define PAGE 4096u
#define POOL (1u << 20) /* as pool.c has it */

long sys_call_regs(const struct sys_regs *r)
{
    const unsigned long *a = r->args;
    long result = syscall((long)r->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    return result == -1 ? -errno : result;
}

static uint64_t random_state = 6;

static void check_block(const void *block, size_t size, size_t alignment)
{
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % (alignment > 16 ? alignment : 16), 0);
    assert_int_equal(pool_size(block), size);
    assert_true(pool_owns(block));
    assert_true(size == 0 || pool_owns((const char *)block + size - 1));
    for (size_t i = 0; i < size; i++)
        assert_int_equal(((const char *)block)[i], 0);
}

/* The first malloc may come before anything is set up. */
static void test_early(void **state)
{
    (void)state;
    int local;
    assert_null(area_get(PAGE));
    assert_false(area_owns(&local));
    assert_false(pool_owns(&local));
    assert_false(pool_owns(NULL));
    void *block = pool_alloc(100, 0);
    check_block(block, 100, 16);
    assert_false(area_owns(block));
    for (unsigned i = 0; i < 10000; i++) /* too large for now: refused, and nothing is used up */
        assert_null(pool_alloc(POOL, 0));
    check_block(pool_alloc(100, 0), 100, 16);
}

/* Whether it is in a region with the name of the shim's memory. */
static bool is_named(const void *address)
{
    char line[512];
    bool named = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        assert_int_equal(sscanf(line, "%lx-%lx", &start, &end), 2);
        if (start <= (uintptr_t)address && (uintptr_t)address < end)
            named |= strstr(line, "/memfd:" AREA_NAME) != NULL;
    }
    fclose(maps);
    return named;
}

/* Both pieces have the name, and are never merged. */
static void test_init(void **state)
{
    (void)state;
    int before = dup(0);
    close(before);
    assert_true(area_init());
    unsigned char *first = area_get(1);
    size_t left = area_left();
    assert_true(pool_init(POOL)); /* more than is left of the first one */
    int after = dup(0);
    close(after);
    assert_int_equal(before, after); /* no descriptor is left */
    unsigned char *page = area_get(1);
    assert_non_null(first);
    assert_non_null(page);
    assert_int_equal((uintptr_t)page % PAGE, 0);
    assert_true(area_owns(first) && area_owns(page));
    assert_true(is_named(first) && is_named(page));
    assert_true(area_left() < left - POOL);
}

static void test_private(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE};
    unsigned char *last = NULL;
    for (unsigned i = 0; i < 5; i++) {
        unsigned char *p = area_get(sizes[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % PAGE, 0);
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(p[at], 0);
        memset(p, 0xff, sizes[i]); /* nobody else's: the next is zero */
        if (last)
            assert_true(p >= last + sizes[i - 1] || p + sizes[i] <= last);
        last = p;
    }
    assert_null(area_get(256u << 20)); /* more than there is */
}

static void test_alignment(void **state)
{
    (void)state;
    check_block(pool_alloc(0, 0), 0, 16);
    check_block(pool_alloc(1, 1), 1, 16);
    for (size_t alignment = 1; alignment <= PAGE; alignment *= 2)
        for (size_t size = 0; size < 40; size += 13)
            check_block(pool_alloc(size, alignment), size, alignment);
    assert_null(pool_alloc(16, 2 * PAGE));
    assert_null(pool_alloc(SIZE_MAX, 16));
    assert_null(pool_alloc(SIZE_MAX - 64, 16));
    assert_null(pool_alloc(POOL + 1, 16));
}

static void fill(unsigned char *block, size_t size, unsigned with)
{
    for (size_t i = 0; i < size; i++)
        block[i] = (unsigned char)(with + i);
}

static void check_filled(const unsigned char *block, size_t size, unsigned with)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(block[i], (unsigned char)(with + i));
}

static void test_resize(void **state)
{
    (void)state;
    unsigned char *block = pool_realloc(NULL, 50);
    check_block(block, 50, 16);
    fill(block, 50, 1);
    unsigned char *larger = pool_realloc(block, 200);
    assert_non_null(larger);
    assert_int_equal(pool_size(larger), 200);
    check_filled(larger, 50, 1);
    unsigned char *smaller = pool_realloc(larger, 20);
    assert_non_null(smaller);
    assert_int_equal(pool_size(smaller), 20);
    check_filled(smaller, 20, 1);
    assert_null(pool_realloc(smaller, POOL + 1));
    check_filled(smaller, 20, 1);
    assert_int_equal(pool_size(smaller), 20);
}

#define BLOCKS 400u

/* Blocks do not overlap, nor the size that is kept in front of each. */
static void test_overlap(void **state)
{
    (void)state;
    static struct {
        unsigned char *block;
        size_t size;
    } blocks[BLOCKS];
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = random_below(&random_state, 500),
               alignment = (size_t)1 << random_below(&random_state, 9);
        blocks[i].block = pool_alloc(size, alignment);
        blocks[i].size = size;
        check_block(blocks[i].block, size, alignment);
        fill(blocks[i].block, size, i);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        assert_int_equal(pool_size(blocks[i].block), blocks[i].size);
        check_filled(blocks[i].block, blocks[i].size, i);
    }
}

/* To the last block; then NULL for ever, and what was given stays. */
static void test_exhaustion(void **state)
{
    (void)state;
    unsigned count = 0;
    unsigned char *last = NULL, *block;
    while ((block = pool_alloc(1000, 16))) {
        check_block(block, 1000, 16);
        fill(block, 1000, count++);
        last = block;
        assert_true(count <= POOL / 1000);
    }
    assert_true(count > 500);
    check_filled(last, 1000, count - 1);
    for (unsigned i = 0; i < 100000; i++)
        assert_null(pool_alloc(1000, 16));
    assert_non_null(pool_alloc(64, 16)); /* what is left is enough for this one */
    for (unsigned i = 0; i < 10000; i++)
        assert_null(pool_alloc(POOL, 16));
    check_filled(last, 1000, count - 1);
    assert_null(pool_realloc(last, 2000));
    check_filled(last, 1000, count - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_early),      cmocka_unit_test(test_init),
        cmocka_unit_test(test_private),    cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_resize),     cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
