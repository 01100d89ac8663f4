/* schemas/loader.c: what glibc's loader is called, and when it runs a program. */
#include "schemas/loader.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs the four above it */

static void test_name(void **state)
{
    (void)state;
    assert_true(loader_is_glibc("/lib/ld-linux.so.2"));
    assert_true(loader_is_glibc("/lib64/ld-linux-x86-64.so.2"));
    assert_true(loader_is_glibc("ld-linux.so.2"));
    assert_false(loader_is_glibc("/lib/ld-musl-i386.so.1"));
    assert_false(loader_is_glibc("/ld-linux/program"));
    assert_false(loader_is_glibc(""));
}

#define RUNS(...) loader_runs_program((char *const[]){"ld.so", __VA_ARGS__, NULL})

static void test_arguments(void **state)
{
    (void)state;
    assert_true(RUNS("./program"));
    assert_true(RUNS("./program", "--list"));
    assert_true(RUNS("--library-path", "--list", "./program"));
    assert_true(RUNS("--inhibit-cache", "--argv0", "x", "./program"));
    assert_false(RUNS("--list", "./program"));
    assert_false(RUNS("--preload", "x", "--verify", "./program"));
    assert_false(RUNS("--list-tunables"));
    assert_false(RUNS("--library-path"));
    assert_false(RUNS("--library-path", "x"));
    assert_false(loader_runs_program((char *const[]){"ld.so", NULL}));
    assert_false(loader_runs_program((char *const[]){NULL}));
    assert_false(loader_runs_program(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
