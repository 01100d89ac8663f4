/* runner/ptrace/breakpoints.c: the functions of a file. */
#include "runner/ptrace/breakpoints.h"
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

/* libc as it is mapped here. */
struct libc {
    char path[4096];
    uint64_t start, offset;
};

static int find_libc(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct libc *libc = arg;
    (void)size;
    if (!strstr(info->dlpi_name, "/libc.so.6"))
        return 0;
    strncpy(libc->path, info->dlpi_name, sizeof libc->path - 1);
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
            libc->offset = info->dlpi_phdr[i].p_offset & ~4095ull;
            libc->start = info->dlpi_addr + (info->dlpi_phdr[i].p_vaddr & ~4095ull);
        }
    return 1;
}

static void test_functions_of_libc(void **state)
{
    struct libc libc = {.path = ""};
    struct breakpoints b;
    (void)state;
    assert_true(dl_iterate_phdr(find_libc, &libc));
    assert_true(breakpoints_find(&b, libc.path, libc.start, libc.offset, 0));
    assert_true(b.glibc);
    assert_true(b.count >= 8);
    assert_int_equal(*(const uint8_t *)b.trap, BREAKPOINTS_INT3);
    for (size_t i = 0; i < b.count; i++)
        assert_in_range(b.items[i].address, b.lo, b.hi);
    assert_false(breakpoints_at(&b, b.trap));
    assert_int_equal(breakpoints_at(&b, b.items[0].address)->call, PMT_CALL_MALLOC);
    assert_false(breakpoints_find(&b, "/dev/null", 0, 0, 0));
    assert_int_equal(b.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_of_libc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
