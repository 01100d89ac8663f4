/* runner/base/table.c: each key is found again, also where others with its hash lie before it. */
#include "runner/base/memory.h"
#include "runner/base/table.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

enum { MANY = 20000 };

struct entry {
    uint32_t key, value;
};

static unsigned freed, compared;

static void put(void *entry)
{
    freed++;
    memory_put(entry);
}

static bool is_key(const void *entry, const void *key, size_t size)
{
    compared++;
    return memcmp(&((const struct entry *)entry)->key, key, size) == 0;
}

static void **place(struct table *table, uint32_t key)
{
    return table_place(table, &key, sizeof key, is_key);
}

static void *entry_of(uint32_t key, uint32_t value)
{
    struct entry *entry = memory_get(sizeof *entry);
    *entry = (struct entry){key, value};
    return entry;
}

static void test_many(void **state)
{
    (void)state;
    static const void *all[MANY];
    struct table table = {0};
    freed = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        void **at = place(&table, i * 4096);
        assert_null(*at);
        all[i] = *at = entry_of(i * 4096, i);
        assert_int_equal(table.count, i + 1);
        assert_true(table.room >= 2 * table.count);
    }
    compared = 0;
    for (uint32_t i = 0; i < MANY; i++)
        assert_ptr_equal(*place(&table, i * 4096), all[i]);
    assert_int_equal(table.count, MANY);
    assert_int_equal(compared, MANY); /* other entries on the way differ in their hash */
    table_free(&table, put);
    assert_int_equal(freed, MANY);
    assert_int_equal(table.room, 0);
    table_free(&table, put); /* of none */
    assert_int_equal(freed, MANY);
}

/* So the next one with the same hash goes to a place of its own. */
static bool is_never(const void *entry, const void *key, size_t size)
{
    (void)entry, (void)key, (void)size;
    return false;
}

static void test_same_hash(void **state)
{
    (void)state;
    struct table table = {0};
    const uint32_t key = 5;
    for (uint32_t i = 0; i < 200; i++) {
        void **at = table_place(&table, &key, sizeof key, is_never);
        assert_null(*at);
        *at = entry_of(key, i);
    }
    assert_int_equal(((struct entry *)*place(&table, key))->value, 0); /* the first of them */
    assert_null(*place(&table, key + 1));
    *place(&table, key + 1) = entry_of(key + 1, 0);
    freed = 0;
    table_free(&table, put);
    assert_int_equal(freed, 201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_many),
                                       cmocka_unit_test(test_same_hash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
