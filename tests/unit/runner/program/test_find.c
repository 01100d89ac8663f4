/* runner/program/find.c: names and paths. */
#include "runner/program/find.h"
#include "tests/unit/files.h"
#include <errno.h>
#include <string.h>

static void test_find_with_slash(void **state)
{
    (void)state;
    char path[PATH_MAX] = "untouched";
    const char *plain = write_file("plain", "x", 1, 0644);
    assert_int_equal(find_program(in_root("absent"), path), -ENOENT);
    assert_int_equal(find_program(plain, path), -EACCES);
    assert_int_equal(find_program(root, path), -EISDIR);
    assert_int_equal(find_program("/dev/null", path), -EACCES);
    assert_int_equal(find_program(in_root("plain/below"), path), -ENOTDIR);
    assert_int_equal(find_program("", path), -ENOENT);
    assert_string_equal(path, "untouched");
    assert_int_equal(find_program("/bin/sh", path), 0);
    assert_string_equal(path, "/bin/sh");
}

static void test_find_in_path(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char *before = strdup(getenv("PATH"));
    char dirs[4 * PATH_MAX];
    mkdir(in_root("a"), 0755);
    mkdir(in_root("b"), 0755);
    mkdir(in_root("a/tool"), 0755);
    write_file("a/data", "x", 1, 0644);
    write_file("b/tool", "#!/bin/sh\n", sizeof "#!/bin/sh\n" - 1, 0755);
    snprintf(dirs, sizeof(dirs), "/nowhere:%s:%s", in_root("a"), in_root("b"));
    setenv("PATH", dirs, 1);
    assert_int_equal(find_program("tool", path), 0);
    assert_string_equal(path, in_root("b/tool"));
    assert_int_equal(find_program("data", path), -EACCES);
    assert_int_equal(find_program("none", path), -ENOENT);
    setenv("PATH", in_root("a"), 1);
    assert_int_equal(find_program("tool", path), -EISDIR);
    setenv("PATH", "/nowhere:", 1);
    assert_int_equal(chdir(in_root("b")), 0);
    assert_int_equal(find_program("tool", path), 0);
    assert_string_equal(path, "./tool");
    unsetenv("PATH");
    assert_int_equal(find_program("sh", path), 0);
    assert_string_equal(path, "/bin/sh");
    setenv("PATH", before, 1);
    free(before);
    assert_int_equal(chdir("/"), 0);
}

static void test_find_long_names(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char *name = malloc(2 * PATH_MAX);
    memset(name, 'x', 2 * PATH_MAX);
    name[2 * PATH_MAX - 1] = '\0';
    assert_int_equal(find_program(name, path), -ENAMETOOLONG);
    name[PATH_MAX - 1] = '\0';
    assert_int_equal(find_program(name, path), -ENOENT);
    name[0] = '/';
    assert_int_equal(find_program(name, path), -ENAMETOOLONG);
    char *before = strdup(getenv("PATH"));
    setenv("PATH", name, 1);
    assert_int_equal(find_program("sh", path), -ENOENT);
    setenv("PATH", before, 1);
    free(before);
    free(name);
}

static int set_up(void **state)
{
    (void)state;
    umask(022);
    return make_root();
}

static int tear_down(void **state)
{
    (void)state;
    return remove_root();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_with_slash),
        cmocka_unit_test(test_find_in_path),
        cmocka_unit_test(test_find_long_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
