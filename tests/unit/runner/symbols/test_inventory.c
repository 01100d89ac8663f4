/* What the process that reads files says of variables comes from outside: any bytes may come. */
#include "runner/base/memory.h"
#include "runner/symbols/inventory_answer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char *written(size_t *size)
{
    struct names names = {0};
    struct inventory all = {.entry = 0x1040, .has_dwarf = true};
    const struct inventory_item items[] = {{.name = "main",
                                            .type = "int",
                                            .file = "a.c",
                                            .kind = PMT_VARIABLE_FUNCTION,
                                            .function = INVENTORY_NO_FUNCTION,
                                            .entry = 0x1149},
                                           {.name = "n",
                                            .type = "int",
                                            .file = "",
                                            .line = 3,
                                            .function = 0,
                                            .size = 4,
                                            .kind = PMT_VARIABLE_LOCAL,
                                            .value_is = PMT_VALUE_SIGNED,
                                            .place = {.way = INVENTORY_FRAME, .offset = -20}}};
    for (size_t i = 0; i < 2; i++)
        inventory_add(&all, &items[i], &names);
    char *bytes = inventory_write(&all, size);
    inventory_free(&all);
    names_free(&names);
    return bytes;
}

static void test_there_and_back(void **state)
{
    (void)state;
    size_t size;
    struct names names = {0};
    struct inventory all = {0};
    char *bytes = written(&size);
    assert_true(inventory_read(bytes, size, &names, &all));
    assert_int_equal(all.count, 2);
    assert_int_equal(all.entry, 0x1040);
    assert_true(all.has_dwarf && !all.cut);
    assert_string_equal(all.items[1].name, "n");
    assert_int_equal(all.items[1].function, 0);
    assert_int_equal(all.items[1].place.offset, -20);
    inventory_free(&all);
    names_free(&names);
    memory_put(bytes);
}

/* Cut off, it is refused; changed, it is refused or says something that is in bounds. */
static void test_damaged(void **state)
{
    (void)state;
    size_t size;
    struct names names = {0};
    char *bytes = written(&size);
    for (size_t cut = 1; cut < size; cut++) {
        struct inventory all = {0};
        char *part = memory_get(size - cut);
        memcpy(part, bytes, size - cut);
        bool whole = inventory_read(part, size - cut, &names, &all);
        assert_true(!whole || all.count < 2);
        inventory_free(&all);
        memory_put(part);
    }
    for (size_t i = 0; i < 8 * size; i++) {
        struct inventory all = {0};
        bytes[i / 8] ^= (char)(1 << i % 8);
        if (inventory_read(bytes, size, &names, &all))
            for (size_t k = 0; k < all.count; k++)
                assert_true(
                    all.items[k].kind < PMT_VARIABLE_KIND_COUNT &&
                    all.items[k].value_is < PMT_VALUE_COUNT && all.items[k].name[0] &&
                    (all.items[k].function == INVENTORY_NO_FUNCTION || all.items[k].function < k));
        inventory_free(&all);
        bytes[i / 8] ^= (char)(1 << i % 8);
    }
    names_free(&names);
    memory_put(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back),
                                       cmocka_unit_test(test_damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
