/* runner/model/freed.c */
#include "runner/model/freed.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs the four above it */

static void add(struct freed_blocks *f, uint64_t addr, uint64_t size, uint32_t by)
{
    freed_blocks_add(f, &(struct allocation){.addr = addr, .size = size, .stack_id = 7}, by,
                     100 + by);
}

static void test_last_one_counts(void **state)
{
    (void)state;
    struct freed_blocks f = {NULL};
    assert_null(freed_blocks_find(&f, 0x1000));
    add(&f, 0x1000, 10, 1);
    add(&f, 0x1020, 20, 2);
    add(&f, 0x1000, 30, 3);
    const struct freed_block *found = freed_blocks_find(&f, 0x1000);
    assert_non_null(found);
    assert_int_equal(found->size, 30);
    assert_int_equal(found->made_by, 7);
    assert_int_equal(found->freed_by, 3);
    assert_int_equal(found->t_ns, 103);
    assert_int_equal(freed_blocks_find(&f, 0x1020)->size, 20);
    assert_null(freed_blocks_find(&f, 0x1010));
    assert_null(freed_blocks_find(&f, 0));
    freed_blocks_free(&f);
    assert_null(freed_blocks_find(&f, 0x1000));
}

/* Of many, some are forgotten; never is one taken for another. */
static void test_many(void **state)
{
    (void)state;
    struct freed_blocks f = {NULL};
    unsigned known = 0;
    for (uint64_t i = 1; i <= 100000; i++)
        add(&f, i * 16, i, (uint32_t)i);
    for (uint64_t i = 1; i <= 100000; i++) {
        const struct freed_block *found = freed_blocks_find(&f, i * 16);
        known += found != NULL;
        assert_true(!found || (found->addr == i * 16 && found->size == i));
    }
    assert_in_range(known, 2000, 4096);
    freed_blocks_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_last_one_counts),
                                       cmocka_unit_test(test_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
