/* schemas/maps.c: the kernel's text, PROCMAP_QUERY, and a reader of this test's own must say the
 * same of this process; and the text reader must not care where a read(2) ends. Compiled for this
 * machine; here the file can be made another one. */
#include "schemas/maps.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* needs the four above it */

#define PAGE 4096ul

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

/* ---- the kernel, or what is made to look like it ---- */

static const char *fake_text; /* NULL: the real file */
static size_t fake_size, fake_at;
static size_t
    chunks[4]; /* sizes of the reads: one after the other, the last ones again and again */
static unsigned chunk;
static long fail_read_after = -1; /* bytes */
static int fail_open;
static bool ioctl_is_idle; /* as by a filter with SECCOMP_RET_ERRNO and 0 */

static long fake_read(char *out, size_t size)
{
    if (fail_read_after >= 0 && fake_at >= (size_t)fail_read_after)
        return -EIO;
    size_t most = chunks[chunk];
    if (chunk < 3 && chunks[chunk + 1])
        chunk++;
    size = size < most ? size : most;
    if (size > fake_size - fake_at)
        size = fake_size - fake_at;
    memcpy(out, fake_text + fake_at, size);
    fake_at += size;
    return (long)size;
}

static long result_of(long result)
{
    return result == -1 ? -errno : result;
}

static long io_read(int fd, void *out, size_t size)
{
    return fake_text ? fake_read(out, size) : result_of(read(fd, out, size));
}

static long io_ioctl(int fd, unsigned long request, void *argument)
{
    return ioctl_is_idle ? 0 : result_of(ioctl(fd, request, argument));
}

static const struct maps_io io = {io_read, io_ioctl};
static struct maps maps;

static int open_maps(void)
{
    return fail_open ? -fail_open
                     : (int)result_of(open("/proc/thread-self/maps", O_RDONLY | O_CLOEXEC));
}

static bool start_walk(bool query)
{
    maps_start(&maps, &io, open_maps(), query);
    return maps.fd >= 0;
}

static void end_walk(void)
{
    close(maps.fd);
}

static bool can_query(void)
{
    int fd = open_maps();
    bool can = maps_can_query(&io, fd);
    if (fd >= 0)
        close(fd);
    return can;
}

static void pretend(const char *text, size_t size, size_t first, size_t then)
{
    fake_text = text;
    fake_size = size;
    fake_at = 0;
    chunk = 0;
    chunks[0] = first;
    chunks[1] = then;
    fail_read_after = -1;
}

/* ---- lists of regions ---- */

#define MOST 16384

struct entry {
    struct pmt_region region;
    uint32_t path; /* in names */
};

struct list {
    size_t count, used;
    struct entry entries[MOST];
    char names[1 << 20];
};

static struct list by_text, by_query, by_test;

static struct entry *add(struct list *l, const struct pmt_region *region, const char *path)
{
    assert_true(l->count < MOST && l->used + region->path_size < sizeof l->names);
    struct entry *e = &l->entries[l->count++];
    *e = (struct entry){*region, (uint32_t)l->used};
    memcpy(l->names + l->used, path, region->path_size);
    l->used += region->path_size;
    return e;
}

/* All regions, as the shim walks them. */
static void walk(struct list *l, bool query)
{
    l->count = l->used = 0;
    assert_true(start_walk(query));
    for (uint64_t at = 0; maps_next(&maps, at); at = maps.region.end) {
        assert_true(maps.region.path_size <= PMT_PATH_MAX);
        add(l, &maps.region, maps.path);
    }
    assert_int_equal(maps.error, 0);
    end_walk();
}

static char raw[8 << 20]; /* the text, read at once */

static size_t read_text(void)
{
    size_t size = 0;
    ssize_t got;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    while ((got = read(fd, raw + size, sizeof raw - 1 - size)) > 0)
        size += (size_t)got;
    close(fd);
    assert_true(size < sizeof raw - 1);
    raw[size] = '\0';
    return size;
}

/* proc(5): a newline in a name is written as \012 */
static uint16_t take_name(const char *from, size_t size, char *to)
{
    uint16_t length = 0;
    for (size_t i = 0; i < size; i++) {
        bool escaped = size - i >= 4 && memcmp(from + i, "\\012", 4) == 0;
        if (length < PMT_PATH_MAX)
            to[length++] = escaped ? '\n' : from[i];
        i += escaped ? 3 : 0;
    }
    return length;
}

/* This test's own reader of the whole text in `raw`. */
static void parse(struct list *l)
{
    static char name[PMT_PATH_MAX];
    l->count = l->used = 0;
    for (char *line = raw; *line; line += strcspn(line, "\n") + 1) {
        struct pmt_region r = {0};
        char flags[5];
        int at = 0;
        assert_int_equal(sscanf(line, "%" SCNx64 "-%" SCNx64 " %4c %" SCNx64 " %x:%x %" SCNu64 "%n",
                                &r.start, &r.end, flags, &r.offset, &r.dev_major, &r.dev_minor,
                                &r.inode, &at),
                         7);
        for (unsigned i = 0; i < 4; i++)
            r.perms |= (uint8_t)((flags[i] == "rwxs"[i]) << i);
        while (line[at] == ' ')
            at++;
        r.path_size = take_name(line + at, strcspn(line + at, "\n"), name);
        add(l, &r, name);
    }
}

/* x86-64's vsyscall page is no mapping of the process: only the text has it. i386 has none. */
static size_t count_of(const struct list *l)
{
    static const char vsyscall[] = "[vsyscall]";
    const struct entry *last = &l->entries[l->count - 1];
    bool has = l->count && last->region.path_size == sizeof vsyscall - 1 &&
               memcmp(l->names + last->path, vsyscall, sizeof vsyscall - 1) == 0;
    return l->count - has;
}

static void same(const struct list *a, const struct list *b)
{
    for (size_t i = 0; i < count_of(a) && i < count_of(b); i++) {
        const struct entry *x = &a->entries[i], *y = &b->entries[i];
        if (memcmp(&x->region, &y->region, sizeof x->region) != 0)
            print_error("%" PRIx64 "-%" PRIx64 " %.*s / %" PRIx64 "-%" PRIx64 " %.*s\n",
                        x->region.start, x->region.end, x->region.path_size, a->names + x->path,
                        y->region.start, y->region.end, y->region.path_size, b->names + y->path);
        assert_memory_equal(&x->region, &y->region, sizeof x->region);
        assert_memory_equal(a->names + x->path, b->names + y->path, x->region.path_size);
    }
    assert_int_equal(count_of(a), count_of(b));
}

/* All three, of this process as it is now. */
static void compare(void)
{
    fake_text = NULL;
    walk(&by_text, false);
    read_text();
    parse(&by_test);
    same(&by_text, &by_test);
    if (!can_query())
        return;
    walk(&by_query, true);
    same(&by_query, &by_text);
}

static const struct pmt_region *find(const struct list *l, const void *address, const char **path)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->entries[i].region.start <= (uintptr_t)address &&
            (uintptr_t)address < l->entries[i].region.end) {
            *path = l->names + l->entries[i].path;
            return &l->entries[i].region;
        }
    return NULL;
}

/* ---- this process ---- */

static char directory[] = "/tmp/test_maps.XXXXXX";
static int top; /* descriptor of the directory */

static int enter(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    top = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return top < 0;
}

static int leave(void **state)
{
    (void)state;
    close(top);
    return rmdir(directory);
}

static void test_self(void **state)
{
    (void)state;
    compare();
    if (!can_query()) {
        print_message("this kernel has no PROCMAP_QUERY: only the text was tested\n");
        skip();
    }
}

static char *map_file(int in, const char *name)
{
    int fd = openat(in, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 3 * PAGE), 0);
    char *at = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE);
    assert_ptr_not_equal(at, MAP_FAILED);
    close(fd);
    return at;
}

static void expect_name(const struct list *l, const char *at, const char *name)
{
    const char *path;
    const struct pmt_region *r = find(l, at, &path);
    char want[PMT_PATH_MAX];
    size_t size = (size_t)snprintf(want, sizeof want, "%s/%s", directory, name);
    assert_non_null(r);
    assert_int_equal(r->path_size, size);
    assert_memory_equal(path, want, size);
    assert_int_equal(r->offset, PAGE);
    assert_int_equal(r->perms, PMT_PERM_READ);
    assert_int_equal(r->end - r->start, 2 * PAGE);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "plain",          "two  words", " leading", "trailing ", "new\nline",   "\n\n",
        "\t\x1b[31m\x7f", "\xff\xc3",   "'\"\\",    "\\01",      "a (deleted)", "00-11 r-xp 0 1:2"};
    enum { COUNT = sizeof names / sizeof *names };
    char *at[COUNT], with_suffix[64];
    for (unsigned i = 0; i < COUNT; i++)
        at[i] = map_file(top, names[i]);
    compare();
    for (unsigned i = 0; i < COUNT; i++) {
        expect_name(&by_text, at[i], names[i]);
        unlinkat(top, names[i], 0);
    }
    compare();
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(with_suffix, sizeof with_suffix, "%s (deleted)", names[i]);
        expect_name(&by_text, at[i], with_suffix);
        munmap(at[i], 2 * PAGE);
    }
}

static void test_permissions(void **state)
{
    (void)state;
    static const int prots[] = {PROT_NONE, PROT_READ, PROT_WRITE, PROT_EXEC,
                                PROT_READ | PROT_WRITE | PROT_EXEC};
    char *at[10];
    for (unsigned i = 0; i < 10; i++) {
        at[i] = mmap(NULL, PAGE, prots[i % 5], MAP_ANONYMOUS | (i < 5 ? MAP_PRIVATE : MAP_SHARED),
                     -1, 0);
        assert_ptr_not_equal(at[i], MAP_FAILED);
    }
    char *named = mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, PAGE, "a name"); /* where the kernel can */
    compare();
    for (unsigned i = 0; i < 10; i++) {
        const char *path;
        const struct pmt_region *r = find(&by_text, at[i], &path);
        assert_non_null(r);
        assert_int_equal(r->perms & ~PMT_PERM_SHARED, prots[i % 5]); /* the same bits */
        assert_int_equal(!!(r->perms & PMT_PERM_SHARED), i >= 5);
        munmap(at[i], PAGE);
    }
    munmap(named, PAGE);
}

/* A path near and beyond PATH_MAX, which no single system call could have opened. */
static void check_depth(unsigned components, unsigned last_size)
{
    char component[201], name[256];
    int fds[40] = {top};
    memset(component, 'd', 200);
    component[200] = '\0';
    memset(name, 'n', last_size);
    name[last_size] = '\0';
    for (unsigned i = 0; i < components; i++) {
        assert_int_equal(mkdirat(fds[i], component, 0700), 0);
        fds[i + 1] = openat(fds[i], component, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fds[i + 1] >= 0);
    }
    char *at = map_file(fds[components], name);
    char *behind = mmap(at + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unlinkat(fds[components], name, 0);
    for (unsigned i = components; i > 0; i--) {
        close(fds[i]);
        unlinkat(fds[i - 1], component, AT_REMOVEDIR);
    }
    compare();
    munmap(behind, PAGE);
    munmap(at, 2 * PAGE);
}

static void test_long_paths(void **state)
{
    (void)state;
    check_depth(5, 100);
    check_depth(19, 200);
    /* around the limit: directory, 20 components with a slash, and the name with " (deleted)" */
    unsigned fixed = (unsigned)sizeof directory - 1 + 20 * 201 + 1 + 10;
    for (unsigned size = 4086; size < PMT_PATH_MAX; size++)
        check_depth(20, size - fixed);
}

/* Names that PROCMAP_QUERY cannot give (ENAMETOOLONG), but the text does. */
static void test_beyond_path_max(void **state)
{
    (void)state;
    check_depth(20, 40);
    check_depth(22, 50);
    check_depth(39, 200);
}

/* More than any buffer holds; and windows, which begin in the middle. */
static void test_many(void **state)
{
    (void)state;
    enum { REGIONS = 5000 };
    char *area = mmap(NULL, 2 * REGIONS * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(area, MAP_FAILED);
    for (unsigned i = 0; i < REGIONS; i++)
        assert_int_equal(mprotect(area + 2 * i * PAGE, PAGE, PROT_READ), 0);
    compare();
    assert_true(by_text.count >= REGIONS);
    for (int query = 0; query <= can_query(); query++) {
        unsigned at = 1234;
        assert_true(start_walk(query));
        for (; at < 1300; at += 7) { /* regions in between are passed over */
            uint64_t inside = (uintptr_t)area + at * PAGE + 17;
            assert_true(maps_next(&maps, inside));
            assert_int_equal(maps.region.start, inside - 17);
            assert_true(maps_next(&maps, inside)); /* the same again */
            assert_int_equal(maps.region.start, inside - 17);
        }
        assert_true(maps_next(&maps, (uintptr_t)area + (at + 1) * PAGE - 1));
        assert_int_equal(maps.region.end, (uintptr_t)area + (at + 1) * PAGE);
        assert_false(maps_next(&maps, UINT64_MAX));
        assert_int_equal(maps.error, 0);
        end_walk();
    }
    munmap(area, 2 * REGIONS * PAGE);
}

/* ---- texts by hand ---- */

/* The lines of i386 and of x86-64, of all lengths; the file ends with or without a newline. */
static const char lines[] =
    "00001000-00002000 ---p 00000000 00:00 0 \n"
    "08048000-08056000 r-xp 00000000 03:0c 64593      /usr/sbin/gpm\n"
    "08056000-08058000 rwxs fffff000 ff:fffff 18446744073709551615      /two  words (deleted)\n"
    "09000000-09021000 rw-p 00000000 00:00 0          [heap]\n"
    "0a000000-0a001000 r--s 00003000 08:01 12 /new\\012line\\012\n"
    "0b000000-0b001000 r--s 00003000 08:01 12 /not\\01 a \\0122\\\\012\n"
    "f7d00000-f7d01000 rw-p 00000000 00:00 0\n"
    "fffdd000-ffffe000 rw-p 00000000 00:00 0          [stack]\n"
    "7fffffffe000-7ffffffff000 r--p 123456789000 00:00 0\n";

static void test_borders(void **state)
{
    (void)state;
    size_t size = sizeof lines - 1;
    memcpy(raw, lines, size + 1);
    parse(&by_test);
    assert_int_equal(by_test.count, 9);
    for (size_t first = 1; first <= size; first++) {
        pretend(lines, size, first, size);
        walk(&by_text, false);
        same(&by_text, &by_test);
    }
    for (size_t each = 1; each <= 200; each++) {
        pretend(lines, size, each, each);
        walk(&by_text, false);
        same(&by_text, &by_test);
    }
    fake_text = NULL;
}

/* The reader's own buffer: lines before it move the border over each byte of a line. */
static void test_own_buffer(void **state)
{
    (void)state;
    static char text[sizeof maps.text + 4096];
    for (size_t shift = 0; shift < 300; shift++) {
        size_t used = 0, pad = 0;
        for (unsigned i = 1; used < sizeof maps.text - 600; i++)
            used += (size_t)sprintf(text + used, "%x000-%x000 rw-p 00000000 00:00 0\n", i, i + 1);
        used += (size_t)sprintf(text + used, "f0000000-f0001000 r--p 00000000 08:01 1 /");
        for (; pad < 300 + shift; pad++)
            text[used++] = 'p';
        used += (size_t)sprintf(text + used, "\n%s", strstr(lines, "f7d0"));
        strcpy(raw, text);
        parse(&by_test);
        pretend(text, used, used, used);
        walk(&by_text, false);
        same(&by_text, &by_test);
    }
    fake_text = NULL;
}

/* What the kernel would not write: an end, a failure, no promise but that of coming to an end. */
static void test_truncated(void **state)
{
    (void)state;
    size_t size = sizeof lines - 1;
    for (size_t cut = 0; cut < size; cut++) {
        char *text = malloc(cut ? cut : 1);
        memcpy(text, lines, cut);
        pretend(text, cut, 4096, 4096);
        assert_true(start_walk(false));
        unsigned count = 0;
        for (uint64_t at = 0; maps_next(&maps, at); at = maps.region.end)
            assert_true(count++ < 10);
        end_walk();
        free(text);
    }
    pretend("", 0, 1, 1);
    assert_true(start_walk(false));
    assert_false(maps_next(&maps, 0));
    assert_int_equal(maps.error, 0);
    end_walk();
    fake_text = NULL;
}

/* A window must not be told as read where it was not: a failure in the middle of a line is one. */
static void test_read_errors(void **state)
{
    (void)state;
    for (long after = 0; after < (long)sizeof lines - 1; after++) {
        pretend(lines, sizeof lines - 1, after ? (size_t)after : 1, 1);
        fail_read_after = after;
        assert_true(start_walk(false));
        unsigned count = 0;
        long whole = 0;
        for (long i = 0; i < after; i++)
            whole += lines[i] == '\n';
        for (uint64_t at = 0; maps_next(&maps, at); at = maps.region.end)
            count++;
        assert_int_equal(maps.error, EIO);
        assert_int_equal(count, whole);
        end_walk();
    }
    fail_read_after = -1;
    fake_text = NULL;
}

static void test_open_errors(void **state)
{
    (void)state;
    fail_open = EMFILE;
    assert_false(start_walk(false));
    assert_int_equal(maps.error, EMFILE);
    assert_false(start_walk(true));
    assert_int_equal(maps.error, EMFILE);
    assert_false(can_query());
    fail_open = 0;
}

static void test_idle_query(void **state)
{
    (void)state;
    ioctl_is_idle = true;
    assert_true(start_walk(true));
    assert_false(maps_next(&maps, 0));
    assert_int_equal(maps.error, EIO);
    end_walk();
    ioctl_is_idle = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_self),        cmocka_unit_test(test_names),
        cmocka_unit_test(test_permissions), cmocka_unit_test(test_long_paths),
        cmocka_unit_test(test_many),        cmocka_unit_test(test_borders),
        cmocka_unit_test(test_own_buffer),  cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_read_errors), cmocka_unit_test(test_open_errors),
        cmocka_unit_test(test_idle_query),  cmocka_unit_test(test_beyond_path_max),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
