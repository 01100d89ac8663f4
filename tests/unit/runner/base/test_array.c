/* runner/base/array.h: arrays that grow as elements are added. */
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs the four above it */

static void test_add(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct pair {
        uint64_t first;
        char second;
    } *items = NULL;
    size_t count = 0, room = 0, moves = 0;
    for (size_t i = 0; i < MANY; i++) {
        size_t before = room;
        *array_add(items, count, room) = (struct pair){i, (char)i};
        moves += room != before;
        assert_int_equal(count, i + 1);
        assert_true(room >= count);
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(items[i].first, i);
        assert_int_equal(items[i].second, (char)i);
    }
    assert_true(moves < 16); /* each time to twice the room */
    memory_put(items);
}

static void test_fit(void **state)
{
    (void)state;
    size_t room = 0;
    int *items = array_fit(NULL, 0, &room, sizeof *items);
    assert_null(items);
    assert_int_equal(room, 0);
    items = array_fit(items, 1000, &room, sizeof *items); /* more than twice the room */
    assert_int_equal(room, 1000);
    items[999] = 7;
    assert_ptr_equal(array_fit(items, 1000, &room, sizeof *items), items);
    assert_int_equal(room, 1000);
    items = array_fit(items, 1001, &room, sizeof *items);
    assert_int_equal(room, 2000);
    assert_int_equal(items[999], 7);
    memory_put(items);
}

static void test_first(void **state)
{
    (void)state;
    static const int items[] = {1, 1, 3, 7, 7, 7, 9};
    for (size_t count = 0; count <= sizeof items / sizeof *items; count++)
        for (int wanted = 0; wanted <= 10; wanted++) {
            size_t first = 0;
            while (first < count && items[first] < wanted)
                first++;
            assert_int_equal(array_first(i, count, items[i] >= wanted), first);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_add), cmocka_unit_test(test_fit),
                                       cmocka_unit_test(test_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
