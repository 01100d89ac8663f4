/* runner/model/allocations.c: the table of live blocks, against one entry for each address. */
#include "runner/model/allocations.h"
#include "tests/unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

static uint64_t random_state = 42;

static struct allocation block_at(uint64_t addr, uint64_t size)
{
    return (struct allocation){.addr = addr,
                               .size = size,
                               .t_ns = addr ^ size,
                               .stack_id = (uint32_t)size * 7,
                               .chunk = (uint32_t)size};
}

static void check(const struct allocations *a, uint64_t addr, uint64_t size)
{
    struct allocation want = block_at(addr, size);
    const struct allocation *have = allocations_find(a, addr);
    assert_non_null(have);
    assert_memory_equal(have, &want, sizeof want);
}

static void add(struct allocations *a, uint64_t addr, uint64_t size)
{
    struct allocation block = block_at(addr, size);
    allocations_add(a, &block);
}

static void drop(struct allocations *a, uint64_t addr)
{
    const struct allocation *there = allocations_find(a, addr);
    struct allocation was = there ? *there : (struct allocation){0}, got = {0};
    assert_int_equal(allocations_take(a, addr, &got), there != NULL);
    assert_memory_equal(&got, &was, sizeof got);
}

static void test_basics(void **state)
{
    (void)state;
    struct allocations a;
    allocations_init(&a);
    assert_null(allocations_find(&a, 0));
    assert_null(allocations_find(&a, 8));
    drop(&a, 0);
    drop(&a, 8);
    add(&a, 8, 100);
    add(&a, UINT64_MAX - 7, 0);
    check(&a, 8, 100);
    check(&a, UINT64_MAX - 7, 0);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.bytes, 100);
    add(&a, 8, 30); /* in the place of the other */
    check(&a, 8, 30);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.bytes, 30);
    drop(&a, 8);
    drop(&a, 8);
    assert_null(allocations_find(&a, 8));
    check(&a, UINT64_MAX - 7, 0);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.bytes, 0);
    allocations_free(&a);
}

/* Half of the places are free at any time, or the search for an unknown address would not end. */
static void test_growth(void **state)
{
    (void)state;
    const uint64_t count = 200000;
    struct allocations a;
    allocations_init(&a);
    for (uint64_t i = 1; i <= count; i++) {
        add(&a, i * 16, i);
        assert_true(a.count * 2 <= a.mask + 1);
        assert_int_equal(a.mask & (a.mask + 1), 0);
    }
    assert_int_equal(a.count, count);
    assert_int_equal(a.bytes, count * (count + 1) / 2);
    for (uint64_t i = 1; i <= count; i++) {
        check(&a, i * 16, i);
        assert_null(allocations_find(&a, i * 16 + 8));
    }
    for (uint64_t i = count; i > 0; i--)
        drop(&a, i * 16);
    assert_int_equal(a.count, 0);
    assert_int_equal(a.bytes, 0);
    for (size_t i = 0; i <= a.mask; i++)
        assert_int_equal(a.table[i].addr, 0);
    allocations_free(&a);
}

/* Addresses that all have the same place in an empty table, and one of the next: found by
 * trying. */
static void colliding(uint64_t *out, unsigned count, size_t place)
{
    unsigned found = 0;
    for (uint64_t addr = 8; found < count; addr += 8) {
        struct allocations a;
        struct allocation table[1024] = {{0}};
        a = (struct allocations){.table = table, .mask = 1023};
        add(&a, addr, 1);
        if (table[place].addr == addr)
            out[found++] = addr;
    }
}

#define CHAIN 12u

/* A chain of collisions over the end of the table: whichever block goes, all others are found. */
static void test_back_shift(void **state)
{
    (void)state;
    uint64_t addrs[CHAIN], seconds[CHAIN];
    colliding(addrs, CHAIN, 1020);
    colliding(seconds, CHAIN, 1022);
    for (unsigned round = 0; round < 3000; round++) {
        struct allocations a;
        bool there[2 * CHAIN] = {0};
        allocations_init(&a);
        for (unsigned i = 0; i < 4 * CHAIN; i++) {
            unsigned which = random_below(&random_state, 2 * CHAIN);
            uint64_t addr = which < CHAIN ? addrs[which] : seconds[which - CHAIN];
            there[which] = !there[which];
            if (there[which])
                add(&a, addr, which);
            else
                drop(&a, addr);
            for (unsigned w = 0; w < 2 * CHAIN; w++) {
                addr = w < CHAIN ? addrs[w] : seconds[w - CHAIN];
                if (there[w])
                    check(&a, addr, w);
                else
                    assert_null(allocations_find(&a, addr));
            }
        }
        allocations_free(&a);
    }
}

#define ADDRESSES 30000u
#define OPERATIONS 1000000u

static uint64_t sizes[ADDRESSES]; /* of the block there, plus 1; 0: none */

static uint64_t address(uint32_t index)
{
    /* two heaps of i386 and one of x86-64, blocks 16 bytes apart, and some large blocks */
    uint64_t bases[] = {0x5655b010, 0xf7d00010, 0x7f0000000010};
    uint64_t step = index % 3 == 2 && index % 7 == 0 ? 1u << 20 : 16;
    return bases[index % 3] + index / 3 * step;
}

static void check_all(const struct allocations *a, size_t count, uint64_t bytes)
{
    assert_int_equal(a->count, count);
    assert_int_equal(a->bytes, bytes);
    for (uint32_t i = 0; i < ADDRESSES; i++) {
        if (sizes[i])
            check(a, address(i), sizes[i] - 1);
        else
            assert_null(allocations_find(a, address(i)));
    }
    size_t used = 0;
    for (size_t i = 0; i <= a->mask; i++)
        used += a->table[i].addr != 0;
    assert_int_equal(used, count);
}

static void test_random(void **state)
{
    (void)state;
    struct allocations a;
    size_t count = 0;
    uint64_t bytes = 0;
    allocations_init(&a);
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        uint32_t which = random_below(&random_state, ADDRESSES);
        uint64_t *size = &sizes[which];
        bool keep = random_below(&random_state, 1000) <
                    (i / 100000 % 2 ? 300u : 700u); /* it grows and shrinks */
        count -= *size != 0;
        bytes -= *size ? *size - 1 : 0;
        *size = keep ? random_below(&random_state, 100000) + 1u : 0;
        count += keep;
        bytes += keep ? *size - 1 : 0;
        if (keep)
            add(&a, address(which), *size - 1);
        else
            drop(&a, address(which));
        assert_int_equal(a.count, count);
        assert_int_equal(a.bytes, bytes);
        if (i % 50000 == 0)
            check_all(&a, count, bytes);
    }
    check_all(&a, count, bytes);
    allocations_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basics),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_back_shift),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
