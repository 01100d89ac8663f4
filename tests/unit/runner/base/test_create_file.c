/* runner/base/create_file.c: new files are their owner's alone, and links that somebody else has
 * laid are not followed. */
#include "runner/base/create_file.h"
#include "tests/unit/files.h"
#include <errno.h>
#include <string.h>

static int setup(void **state)
{
    (void)state;
    umask(0);
    return make_root();
}

static int teardown(void **state)
{
    (void)state;
    return remove_root();
}

static mode_t mode_of(const char *name)
{
    struct stat st;
    assert_int_equal(stat(in_root(name), &st), 0);
    return st.st_mode & 07777;
}

static int write_to(const char *name)
{
    int fd = create_file(in_root(name));
    if (fd < 0)
        return fd;
    assert_int_equal(write(fd, "new", 3), 3);
    close(fd);
    return 0;
}

static void make(const char *name, mode_t mode, uid_t owner)
{
    int fd = open(in_root(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_int_equal(write(fd, "older and longer", 16), 16);
    close(fd);
    assert_int_equal(chown(in_root(name), owner, (gid_t)-1), 0);
}

static void assert_content(const char *name, const char *content)
{
    char text[32] = "";
    int fd = open(in_root(name), O_RDONLY);
    assert_true(fd >= 0 && read(fd, text, sizeof text - 1) >= 0);
    close(fd);
    assert_string_equal(text, content);
}

static void lay(const char *target, const char *name, uid_t owner)
{
    assert_int_equal(symlink(target, in_root(name)), 0);
    assert_int_equal(lchown(in_root(name), owner, (gid_t)-1), 0);
}

static void test_plain(void **state)
{
    (void)state;
    assert_int_equal(write_to("fresh"), 0);
    assert_int_equal(mode_of("fresh"), 0600);
    make("there", 0644, geteuid());
    assert_int_equal(write_to("there"), 0);
    assert_int_equal(mode_of("there"), 0644);
    assert_content("there", "new");
    lay("there", "link", geteuid());
    assert_int_equal(write_to("link"), 0);
    lay("born", "dangling", geteuid());
    assert_int_equal(write_to("dangling"), 0);
    assert_int_equal(mode_of("born"), 0600);
    lay(in_root("."), "folder", geteuid());
    assert_int_equal(write_to("folder//./folder/../"), -EISDIR);
    assert_int_equal(write_to("folder/folder/deep"), 0);
    assert_content("deep", "new");
    lay("self", "self", geteuid());
    assert_int_equal(write_to("self"), -ELOOP);
    assert_int_equal(write_to("there/x"), -ENOTDIR);
    assert_int_equal(write_to("no/x"), -ENOENT);
    assert_int_equal(create_file(""), -ENOENT);
    assert_int_equal(write_to("."), -EISDIR);
}

static void test_relative(void **state)
{
    (void)state;
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(in_root(".")), 0);
    int fd = create_file("here");
    assert_int_equal(chdir(before), 0);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(mode_of("here"), 0600);
}

static void test_the_kernels_links(void **state)
{
    (void)state;
    int ends[2];
    char path[64], byte;
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    int fd = create_file(path);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(fd);
    close(ends[0]);
    close(ends[1]);
    fd = create_file("/dev/null");
    assert_true(fd >= 0);
    close(fd);
}

/* As in /tmp. */
static void test_traps(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(mkdir(in_root("tmp"), 01777), 0);
    make("victim", 0600, 0);
    lay("../victim", "tmp/trap", 65534);
    assert_int_equal(write_to("tmp/trap"), -EACCES);
    lay("..", "tmp/way", 65534);
    assert_int_equal(write_to("tmp/way/victim"), -EACCES);
    make("tmp/theirs", 0666, 65534);
    assert_int_equal(write_to("tmp/theirs"), -EACCES);
    assert_int_equal(mkfifo(in_root("tmp/fifo"), 0666), 0);
    assert_int_equal(chown(in_root("tmp/fifo"), 65534, 0), 0);
    assert_int_equal(write_to("tmp/fifo"), -EACCES);
    assert_content("victim", "older and longer");
    assert_content("tmp/theirs", "older and longer");
    lay("../victim", "tmp/ours", 0);
    assert_int_equal(write_to("tmp/ours"), 0);
    assert_content("victim", "new");
    assert_int_equal(chown(in_root("tmp"), 65534, 65534), 0); /* the folder is theirs */
    assert_int_equal(write_to("tmp/trap"), 0);
    assert_int_equal(chown(in_root("tmp"), 0, 0), 0);
    assert_int_equal(chmod(in_root("tmp"), 0777), 0); /* not sticky */
    assert_int_equal(write_to("tmp/trap"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_relative),
        cmocka_unit_test(test_the_kernels_links),
        cmocka_unit_test(test_traps),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
