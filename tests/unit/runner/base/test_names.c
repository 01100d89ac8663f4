/* runner/base/names.c: the same text is the same string, for as long as there is any. */
#include "runner/base/names.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

static void test_same(void **state)
{
    (void)state;
    struct names names = {0};
    char text[] = "main";
    const char *first = names_intern(&names, text);
    assert_string_equal(first, "main");
    assert_ptr_not_equal(first, text);
    text[0] = 'p';
    assert_string_equal(first, "main");
    assert_string_equal(names_intern(&names, text), "pain");
    assert_ptr_equal(names_intern(&names, "main"), first);
    assert_null(names_intern(&names, NULL));
    assert_string_equal(names_intern(&names, ""), "");
    assert_int_equal(names.texts.count, 3);
    names_free(&names);
    assert_int_equal(names.texts.count, 0);
    names_free(&names); /* of none */
}

/* The table grows; what was handed out stays where it is. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    static const char *all[MANY];
    struct names names = {0};
    char text[32];
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "name %d", i);
        all[i] = names_intern(&names, text);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "name %d", i);
        assert_string_equal(all[i], text);
        assert_ptr_equal(names_intern(&names, text), all[i]);
    }
    assert_int_equal(names.texts.count, MANY);
    assert_true(names.texts.room >= 2 * names.texts.count);
    names_free(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same), cmocka_unit_test(test_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
