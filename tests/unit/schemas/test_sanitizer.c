/* schemas/sanitizer.c: which library comes before the shim. This program is built with
 * AddressSanitizer itself, by gcc with its library. */
#include "schemas/sanitizer.h"
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static bool read_at(int fd, void *to, unsigned long size, uint64_t offset)
{
    return pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

static void check(const char *user, const char *of_program, const char *expected)
{
    size_t length;
    const char *before = sanitizer_before(user, of_program, &length);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(before, expected, length);
}

static void test_what_comes_before(void **state)
{
    (void)state;
    check(NULL, "", "");
    check(NULL, "libasan.so.8", "libasan.so.8");
    check("", "libasan.so.8", "libasan.so.8");
    check(" :", "libtsan.so.2", "libtsan.so.2");
    check("/usr/lib/libasan.so.8", "", "/usr/lib/libasan.so.8");
    check("::/usr/lib/libasan.so.8:own.so", "libasan.so.8", "/usr/lib/libasan.so.8");
    check("libclang_rt.asan-i386.so own.so", "", "libclang_rt.asan-i386.so");
    check("own.so:libasan.so.8", "libasan.so.8", ""); /* the user's is the first */
    check("libasan.so.8/own.so", "", "");
    check("libasan.so", "", "libasan.so");
    check("libasan.s", "", "");
}

static char name[SANITIZER_NAME];

static void test_this_program(void **state)
{
    (void)state;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    sanitizer_of_program(fd, read_at, name);
#ifndef __clang__
    assert_memory_equal(name, "libasan.so.", 11);
#else
    assert_string_equal(name, "");
#endif
    close(fd);
}

static void test_other_files(void **state)
{
    (void)state;
    static const char *const files[] = {"/bin/sh", "/dev/null", "/etc/passwd"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        int fd = open(files[i], O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        sanitizer_of_program(fd, read_at, name);
        assert_string_equal(name, "");
        close(fd);
    }
}

/* The head of this program, cut off anywhere and damaged anywhere. */
static void test_damaged_programs(void **state)
{
    (void)state;
    static unsigned char head[8192];
    int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(exe, head, sizeof head), sizeof head);
    close(exe);
    int fd = memfd_create("damaged", MFD_CLOEXEC);
    for (size_t size = 0; size < 2048; size += 7) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, head, size, 0), size);
        sanitizer_of_program(fd, read_at, name);
        assert_string_equal(name, "");
    }
    for (size_t at = 0; at < 1024; at++) {
        unsigned char byte = head[at];
        head[at] ^= 0xff;
        assert_int_equal(pwrite(fd, head, sizeof head, 0), sizeof head);
        sanitizer_of_program(fd, read_at, name);
        assert_true(memchr(name, '\0', sizeof name) != NULL);
        head[at] = byte;
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_before),
        cmocka_unit_test(test_this_program),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_damaged_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
