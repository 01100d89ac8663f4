/* shim/base/environment.c: what is read from the stack as the kernel laid it, and what a program
 * and its children find there afterwards. Compiled for this machine, on a stack made by hand. */
#include "schemas/record.h"
#include "shim/base/environment.h"
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

#define OURS "/opt/x/$LIB/libprocmap-trace.so"
#define SOCKET PMT_ENV_SOCKET "=procmap-trace-1234"
#define OUTPUT PMT_ENV_OUTPUT "=t.jsonl"

/* ---- a stack ---- */

#define WORDS 96

static uintptr_t stack[WORDS];
static char *strings; /* one block, as on the real stack: arguments, then variables */
static char **variables;
static uintptr_t *vector;

static const uintptr_t auxiliary[] = {AT_SYSINFO_EHDR, 0x7000, AT_PAGESZ, 4096,
                                      AT_RANDOM,       0x1234, AT_NULL,   0};

static char *put(char *at, const char *text)
{
    return stpcpy(at, text) + 1;
}

static void make(const char *const *arguments, const char *const *environment)
{
    size_t size = 1, at = 1;
    for (const char *const *a = arguments; *a; a++)
        size += strlen(*a) + 1;
    for (const char *const *e = environment; *e; e++)
        size += strlen(*e) + 1;
    free(strings);
    char *next = strings = malloc(size); /* of just this size: ASan sees what lies behind it */
    for (; *arguments; next = put(next, *arguments++))
        stack[at++] = (uintptr_t)next;
    stack[0] = at - 1;
    stack[at++] = 0;
    variables = (char **)&stack[at];
    for (; *environment; next = put(next, *environment++))
        stack[at++] = (uintptr_t)next;
    stack[at++] = 0;
    vector = &stack[at];
    memcpy(vector, auxiliary, sizeof auxiliary);
    environment_find(stack);
}

#define LIST(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__ __VA_OPT__(, ) NULL                                                            \
    }
#define MAKE(...) make(LIST("./map3", "100"), LIST(__VA_ARGS__))

static void check_variables(const char *const *want)
{
    char **at = variables;
    for (; *want; want++, at++) {
        assert_non_null(*at);
        assert_string_equal(*at, *want);
    }
    assert_null(*at);
}

#define CHECK(...) check_variables(LIST(__VA_ARGS__))

/* The vector itself is not touched; and who looks for it behind the NULL of the variables finds it,
 * or nothing, but never an entry that is none. */
static void check_vector(bool found)
{
    const uintptr_t *at = (uintptr_t *)variables;
    assert_memory_equal(vector, auxiliary, sizeof auxiliary);
    while (*at++)
        ;
    while (at[0] == AT_IGNORE)
        at += 2;
    if (found)
        assert_ptr_equal(at, vector);
    else
        assert_true(at == vector || at[0] == AT_NULL);
}

static int forget(void **state)
{
    (void)state;
    free(strings);
    strings = NULL;
    return 0;
}

/* ---- tests ---- */

static void test_get(void **state)
{
    (void)state;
    MAKE("A=1", "AB=2", "EMPTY=", "no equals sign", "A=second");
    assert_string_equal(environment_get("A"), "1");
    assert_string_equal(environment_get("AB"), "2");
    assert_string_equal(environment_get("EMPTY"), "");
    assert_null(environment_get("no equals sign"));
    assert_null(environment_get("B"));
    assert_null(environment_get("EMPT"));
    assert_int_equal(environment_stack_end(), (uintptr_t)variables);
    make(LIST(NULL), LIST(NULL));
    assert_null(environment_get("A"));
    assert_false(environment_asks());
}

static void test_asks(void **state)
{
    (void)state;
    MAKE("A=1");
    assert_false(environment_asks());
    MAKE("A=1", SOCKET);
    assert_true(environment_asks());
    MAKE(OUTPUT);
    assert_true(environment_asks());
    MAKE(PMT_ENV_PRELOAD "=x", PMT_ENV_SNAPSHOTS "=text");
    assert_false(environment_asks());
}

static void test_arguments(void **state)
{
    (void)state;
    size_t size;
    make(LIST("./map3", "", "a b"), LIST("A=1"));
    const char *text = environment_arguments(&size, 1000);
    assert_int_equal(size, 7 + 1 + 4);
    assert_memory_equal(text, "./map3\0\0a b", 12);
    assert_memory_equal(environment_arguments(&size, 12), "./map3", 7);
    assert_int_equal(size, 12);
    environment_arguments(&size, 11); /* cut after a NUL */
    assert_int_equal(size, 8);
    environment_arguments(&size, 7);
    assert_int_equal(size, 7);
    assert_string_equal(environment_arguments(&size, 6), "");
    assert_int_equal(size, 0);
    make(LIST(NULL), LIST(NULL)); /* execve(2) with an empty argv */
    assert_string_equal(environment_arguments(&size, 1000), "");
    assert_int_equal(size, 0);
}

/* A program or a constructor before ours may have changed argv. */
static void test_moved_arguments(void **state)
{
    (void)state;
    size_t size;
    static char elsewhere[] = "elsewhere";
    make(LIST("first", "second"), LIST("A=1"));
    stack[2] = (uintptr_t)elsewhere;
    environment_arguments(&size, 1000);
    assert_int_equal(size, 6);
    make(LIST("first", "second"), LIST("A=1"));
    stack[2] = 0;
    environment_arguments(&size, 1000);
    assert_int_equal(size, 6);
}

/* ---- cleaning ---- */

static void test_nothing_to_clean(void **state)
{
    (void)state;
    MAKE("A=1", "LD_PRELOAD=other.so", "PROCMAP=1", "PROCMAP_TRACER=1");
    environment_clean();
    CHECK("A=1", "LD_PRELOAD=other.so", "PROCMAP=1", "PROCMAP_TRACER=1");
    check_vector(true);
    MAKE();
    environment_clean();
    CHECK();
    check_vector(true);
}

static void test_even(void **state)
{
    (void)state;
    MAKE("A=1", "LD_PRELOAD=" OURS, SOCKET, "B=2");
    environment_clean();
    CHECK("A=1", "B=2");
    check_vector(true);
    MAKE(SOCKET, PMT_ENV_SNAPSHOTS "=text", "LD_PRELOAD=" OURS, PMT_ENV_PREFIX "OTHER=1");
    environment_clean();
    CHECK();
    check_vector(true);
}

static void test_odd(void **state)
{
    (void)state;
    MAKE("A=1", OUTPUT, "B=2");
    environment_clean();
    CHECK("A=1", "B=2");
    check_vector(false);
    MAKE("A=1", "LD_PRELOAD=" OURS, SOCKET, PMT_ENV_SNAPSHOTS "=text", "B=2");
    environment_clean();
    CHECK("A=1", "B=2");
    check_vector(false);
    MAKE(OUTPUT);
    environment_clean();
    CHECK();
    check_vector(false);
}

/* With a runner: the user's own list comes back as it was. */
static void check_own(const char *own)
{
    char preload[128], saved[128], want[128];
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s:%s", OURS, own);
    snprintf(saved, sizeof saved, "%s=%s", PMT_ENV_PRELOAD, own);
    snprintf(want, sizeof want, "LD_PRELOAD=%s", own);
    MAKE("A=1", preload, SOCKET, saved, "B=2");
    environment_clean();
    CHECK("A=1", want, "B=2");
    check_vector(true);
}

static void test_own_preload(void **state)
{
    (void)state;
    check_own("own.so");
    check_own("one.so:two.so");
    check_own("one.so two.so");
    check_own(" one.so  ::two.so:");
    check_own("");
}

/* Whatever the order of the variables: all 120. */
static void test_orders(void **state)
{
    (void)state;
    static const char *const all[] = {"A=1", "LD_PRELOAD=" OURS ":one.so two.so", SOCKET,
                                      PMT_ENV_PRELOAD "=one.so two.so", "B=2"};
    for (unsigned order = 0; order < 120; order++) {
        const char *given[6] = {0}, *want[4] = {0};
        unsigned left[] = {0, 1, 2, 3, 4}, rest = order, count = 0;
        for (unsigned i = 0; i < 5; i++) {
            unsigned which = rest % (5 - i);
            rest /= 5 - i;
            given[i] = all[left[which]];
            if (left[which] == 1)
                want[count++] = "LD_PRELOAD=one.so two.so";
            else if (left[which] == 0 || left[which] == 4)
                want[count++] = given[i];
            memmove(left + which, left + which + 1, (4 - i - which) * sizeof *left);
        }
        make(LIST("x"), given);
        environment_clean();
        check_variables(want);
        check_vector(true);
    }
}

/* Without a runner only our library is taken from the list. */
static void check_list(const char *list, const char *want)
{
    char preload[128], left[128];
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", list);
    snprintf(left, sizeof left, "LD_PRELOAD=%s", want);
    MAKE("A=1", preload, OUTPUT, "B=2");
    environment_clean();
    if (*want)
        CHECK("A=1", left, "B=2");
    else
        CHECK("A=1", "B=2");
    check_vector(!*want);
}

static void test_list(void **state)
{
    (void)state;
    check_list(OURS, "");
    check_list(OURS ":", "");
    check_list(":" OURS, "");
    check_list(OURS " " OURS, "");
    check_list("a.so:" OURS, "a.so");
    check_list(OURS ":a.so", "a.so");
    check_list("a.so:" OURS ":b.so", "a.so:b.so");
    check_list("a.so " OURS " b.so:c.so", "a.so:b.so:c.so");
    check_list("libprocmap-trace.so:a", "a");
    check_list("a:libprocmap-trac.so", "a:libprocmap-trac.so");
}

/* Cleaned twice (a second constructor run, a program that looks again): the same. */
static void test_twice(void **state)
{
    (void)state;
    MAKE("A=1", "LD_PRELOAD=" OURS ":own.so", SOCKET, PMT_ENV_PRELOAD "=own.so", "B=2");
    environment_clean();
    environment_clean();
    CHECK("A=1", "LD_PRELOAD=own.so", "B=2");
    check_vector(true);
    assert_false(environment_asks());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_asks),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_moved_arguments),
        cmocka_unit_test(test_nothing_to_clean),
        cmocka_unit_test(test_even),
        cmocka_unit_test(test_odd),
        cmocka_unit_test(test_own_preload),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_twice),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
