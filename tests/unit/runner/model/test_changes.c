/* runner/model/changes.c: what is said to have happened between two looks at the map.
 *
 * Whatever is said must be true: an applier of its own takes the map before, does what the changes
 * say, and has to arrive at the map after. The maps are made by hand, and by real system calls. */
#include "runner/model/changes.h"
#include "tests/unit/random.h"
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h> /* needs the four above it */

#define PAGE 4096ull
#define MAPS 4096 /* regions at most */

static uint64_t random_state;

/* ---- maps as plain values ---- */

struct span {
    uint64_t start, end;
    unsigned perms;
    uint64_t offset, inode;
    char path[64];
};

struct map {
    size_t count;
    struct span spans[MAPS];
};

static bool same(const struct span *a, const struct span *b)
{
    return a->start == b->start && a->end == b->end && a->perms == b->perms &&
           a->offset == b->offset && a->inode == b->inode && strcmp(a->path, b->path) == 0;
}

static bool in_map(const struct map *m, const struct span *s)
{
    for (size_t i = 0; i < m->count; i++)
        if (same(&m->spans[i], s))
            return true;
    return false;
}

static struct span value(const struct region *r)
{
    struct span s = {r->raw.start, r->raw.end, r->raw.perms, r->raw.offset, r->raw.inode, ""};
    assert_true(strlen(r->path) < sizeof s.path);
    strcpy(s.path, r->path);
    return s;
}

static struct region *make(const struct span *s)
{
    struct pmt_region raw = {.start = s->start,
                             .end = s->end,
                             .perms = (uint8_t)s->perms,
                             .offset = s->offset,
                             .inode = s->inode,
                             .path_size = (uint16_t)strlen(s->path)};
    return region_new(&raw, s->path);
}

static uint64_t bytes_of(const struct map *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->count; i++)
        bytes += m->spans[i].end - m->spans[i].start;
    return bytes;
}

/* What is in `a` and not in `b`, as regions_replace() has it. */
static void difference(const struct map *a, const struct map *b, struct region_list *out)
{
    for (size_t i = 0; i < a->count; i++)
        if (!in_map(b, &a->spans[i]))
            region_list_add(out, make(&a->spans[i]));
}

/* ---- the applier ---- */

static struct map result;
static char problem[256];

static bool wrong(const char *what, const struct region *r)
{
    if (!problem[0])
        snprintf(problem, sizeof problem, "%s %" PRIx64 "-%" PRIx64 " perms %x %s", what,
                 (uint64_t)r->raw.start, (uint64_t)r->raw.end, r->raw.perms, r->path);
    return false;
}

static bool was_there(const struct map *before, const struct region *r)
{
    struct span s = value(r);
    return in_map(before, &s) || wrong("not in the map before:", r);
}

/* A part of a region of the map before. */
static bool part_was_there(const struct map *before, const struct region *r)
{
    struct span s = value(r);
    for (size_t i = 0; i < before->count; i++) {
        struct span cut = before->spans[i];
        if (cut.start > s.start || cut.end < s.end)
            continue;
        cut.offset += cut.inode ? s.start - cut.start : 0;
        cut.start = s.start;
        cut.end = s.end;
        if (same(&cut, &s))
            return true;
    }
    return wrong("no part of the map before:", r);
}

/* Takes the pages of `r` out; what is left of a region stays. */
static void take_out(const struct region *r)
{
    uint64_t lo = r->raw.start, hi = r->raw.end;
    for (size_t i = 0; i < result.count;) {
        struct span *s = &result.spans[i], rest = *s;
        if (s->end <= lo || hi <= s->start) {
            i++;
            continue;
        }
        *s = result.spans[--result.count];
        if (rest.start < lo) {
            result.spans[result.count] = rest;
            result.spans[result.count++].end = lo;
        }
        if (rest.end > hi) {
            rest.offset += rest.inode ? hi - rest.start : 0;
            rest.start = hi;
            result.spans[result.count++] = rest;
        }
    }
}

/* Puts `r` where nothing is, or where the very same is already: a split and the change of the
 * permissions of one of its parts speak of the same region. */
static bool put_in(const struct region *r)
{
    struct span s = value(r);
    if (in_map(&result, &s))
        return true;
    for (size_t i = 0; i < result.count; i++)
        if (result.spans[i].start < s.end && s.start < result.spans[i].end)
            return wrong("something is in the way of", r);
    result.spans[result.count++] = s;
    return true;
}

static bool take_change(const struct map *before, const struct change *c)
{
    if (c->type == CHANGE_ADDED)
        return !c->before || wrong("added with something before:", c->before);
    if (c->type == CHANGE_MERGED) {
        for (size_t i = 0; i < c->parts.count; i++) {
            if (!was_there(before, c->parts.items[i]))
                return false;
            take_out(c->parts.items[i]);
        }
        return c->parts.count > 1 || wrong("merged from one:", c->after);
    }
    bool known = c->type == CHANGE_PROTECTION ? part_was_there(before, c->before)
                                              : was_there(before, c->before);
    if (known)
        take_out(c->before);
    return known;
}

static bool put_change(const struct change *c)
{
    if (c->type == CHANGE_REMOVED)
        return !c->after || wrong("removed with something after:", c->after);
    if (c->type != CHANGE_SPLIT)
        return put_in(c->after);
    for (size_t i = 0; i < c->parts.count; i++)
        if (!put_in(c->parts.items[i]))
            return false;
    return c->parts.count > 1 || wrong("split into one:", c->before);
}

static bool names_fit(const struct change *c)
{
    if (c->type == CHANGE_GROWN && region_size(c->after) <= region_size(c->before))
        return wrong("grown, but not larger:", c->after);
    if (c->type == CHANGE_SHRUNK && region_size(c->after) >= region_size(c->before))
        return wrong("shrunk, but not smaller:", c->after);
    if (c->type == CHANGE_PROTECTION && c->before->raw.perms == c->after->raw.perms)
        return wrong("protection, but the same:", c->after);
    return true;
}

/* All is taken out before anything is put in: the order of changes of one look means nothing. */
static bool applies(const struct map *before, const struct map *after,
                    const struct change_list *list)
{
    int64_t delta = 0;
    result = *before;
    for (size_t i = 0; i < list->count; i++) {
        delta += list->items[i].delta;
        if (!names_fit(&list->items[i]) || !take_change(before, &list->items[i]))
            return false;
    }
    for (size_t i = 0; i < list->count; i++)
        if (!put_change(&list->items[i]))
            return false;
    for (size_t i = 0; i < after->count; i++)
        if (!in_map(&result, &after->spans[i])) {
            snprintf(problem, sizeof problem, "%" PRIx64 "-%" PRIx64 " is not explained",
                     after->spans[i].start, after->spans[i].end);
            return false;
        }
    if (result.count != after->count)
        snprintf(problem, sizeof problem, "%zu regions instead of %zu", result.count, after->count);
    int64_t want = (int64_t)(bytes_of(after) - bytes_of(before));
    if (delta != want)
        snprintf(problem, sizeof problem, "deltas sum to %" PRId64 ", not %" PRId64, delta, want);
    return !problem[0];
}

static void print_map(const char *title, const struct map *m)
{
    fprintf(stderr, "%s\n", title);
    for (size_t i = 0; i < m->count; i++)
        fprintf(stderr, "    %" PRIx64 "-%" PRIx64 " perms %x offset %" PRIx64 " %s\n",
                m->spans[i].start, m->spans[i].end, m->spans[i].perms, m->spans[i].offset,
                m->spans[i].path);
}

static void print_changes(const struct change_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct change *c = &list->items[i];
        const struct region *b = c->before, *a = c->after;
        fprintf(stderr, "  %s", change_name(c->type));
        if (b)
            fprintf(stderr, " from %" PRIx64 "-%" PRIx64 " %x", b->raw.start, b->raw.end,
                    b->raw.perms);
        if (a)
            fprintf(stderr, " to %" PRIx64 "-%" PRIx64 " %x", a->raw.start, a->raw.end,
                    a->raw.perms);
        fprintf(stderr, ", %zu parts, delta %" PRId64 "\n", c->parts.count, c->delta);
    }
}

static struct change_list changes;

/* Nothing comes out of nowhere, or goes, where the same memory is still there. */
static void check_unrelated(const struct region *r, const struct region_list *others)
{
    for (size_t i = 0; i < others->count; i++) {
        const struct region *o = others->items[i];
        bool overlap = o->raw.start < r->raw.end && r->raw.start < o->raw.end;
        if (overlap && region_same_memory(o, r))
            wrong("added or removed, and is there before and after:", r);
    }
}

static void find(const struct map *before, const struct map *after, uint64_t from, uint64_t to)
{
    struct region_list gone = {0}, fresh = {0};
    difference(before, after, &gone);
    difference(after, before, &fresh);
    change_list_clear(&changes);
    changes_find(&gone, &fresh, from, to, &changes);
    problem[0] = '\0';
    bool found = applies(before, after, &changes);
    for (size_t i = 0; i < changes.count; i++) {
        const struct change *c = &changes.items[i];
        if (c->type == CHANGE_ADDED || c->type == CHANGE_REMOVED)
            check_unrelated(c->after ? c->after : c->before, c->after ? &gone : &fresh);
    }
    region_list_free(&gone); /* the changes have references of their own */
    region_list_free(&fresh);
    if (found && !problem[0])
        return;
    print_map("before", before);
    print_map("after", after);
    print_changes(&changes);
    fail_msg("%s", problem);
}

/* ---- by hand: regions are "from-to perms [offset]" in pages, anonymous or of a file ---- */

#define NONE 0
#define R PMT_PERM_READ
#define RW (PMT_PERM_READ | PMT_PERM_WRITE)
#define RX (PMT_PERM_READ | PMT_PERM_EXEC)
#define SHARED PMT_PERM_SHARED
#define ANON(from, to, perms)                                                                      \
    {                                                                                              \
        (from) * PAGE, (to)*PAGE, (perms), 0, 0, ""                                                \
    }
#define FILE_AT(from, to, perms, offset)                                                           \
    {                                                                                              \
        (from) * PAGE, (to)*PAGE, (perms), (offset)*PAGE, 7, "/f"                                  \
    }
#define MAP(...)                                                                                   \
    &(const struct map)                                                                            \
    {                                                                                              \
        sizeof((struct span[]){__VA_ARGS__}) / sizeof(struct span),                                \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define NOTHING                                                                                    \
    &(const struct map)                                                                            \
    {                                                                                              \
        0                                                                                          \
    }

static const struct change *only(enum change_type type, int pages)
{
    if (changes.count != 1 || changes.items[0].type != type)
        print_changes(&changes);
    assert_int_equal(changes.count, 1);
    assert_int_equal(changes.items[0].type, type);
    assert_int_equal(changes.items[0].delta, pages * (int64_t)PAGE);
    return &changes.items[0];
}

static const struct change *one_of(enum change_type type)
{
    const struct change *found = NULL;
    for (size_t i = 0; i < changes.count; i++) {
        if (changes.items[i].type != type)
            continue;
        assert_null(found);
        found = &changes.items[i];
    }
    if (!found)
        print_changes(&changes);
    assert_non_null(found);
    return found;
}

static void check_extent(const struct change *c, uint64_t from, uint64_t to)
{
    uint64_t lo, hi;
    changes_extent(c, &lo, &hi);
    assert_int_equal(lo, from * PAGE);
    assert_int_equal(hi, to * PAGE);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"added", "removed",    "grown", "shrunk",
                                        "moved", "protection", "split", "merged"};
    for (int type = CHANGE_ADDED; type <= CHANGE_MERGED; type++)
        assert_string_equal(change_name(type), names[type]);
}

static void test_nothing(void **state)
{
    (void)state;
    find(NOTHING, NOTHING, 0, 0);
    assert_int_equal(changes.count, 0);
    find(MAP(ANON(1, 2, RW)), MAP(ANON(1, 2, RW)), 0, 0);
    assert_int_equal(changes.count, 0);
}

static void test_added_removed(void **state)
{
    (void)state;
    find(NOTHING, MAP(ANON(10, 14, RW)), 0, 0);
    check_extent(only(CHANGE_ADDED, 4), 10, 14);
    find(MAP(ANON(10, 14, RW)), NOTHING, 0, 0);
    check_extent(only(CHANGE_REMOVED, -4), 10, 14);
    find(MAP(ANON(10, 14, RW), ANON(20, 21, R)), MAP(ANON(30, 31, R)), 0, 0);
    assert_int_equal(changes.count, 3);
    one_of(CHANGE_ADDED);
}

static void test_grown_shrunk(void **state)
{
    (void)state;
    find(MAP(ANON(10, 20, RW)), MAP(ANON(10, 23, RW)), 0, 0);
    check_extent(only(CHANGE_GROWN, 3), 20, 23);
    find(MAP(ANON(10, 20, RW)), MAP(ANON(7, 20, RW)), 0, 0);
    check_extent(only(CHANGE_GROWN, 3), 7, 10);
    find(MAP(ANON(10, 20, RW)), MAP(ANON(7, 25, RW)), 0, 0);
    only(CHANGE_GROWN, 8);
    find(MAP(ANON(10, 20, RW)), MAP(ANON(10, 17, RW)), 0, 0);
    check_extent(only(CHANGE_SHRUNK, -3), 17, 20);
    find(MAP(ANON(10, 20, RW)), MAP(ANON(13, 20, RW)), 0, 0);
    check_extent(only(CHANGE_SHRUNK, -3), 10, 13);
    find(MAP(ANON(10, 20, RW)), MAP(ANON(13, 16, RW)), 0, 0);
    only(CHANGE_SHRUNK, -7);
}

static void test_moved(void **state)
{
    (void)state;
    find(MAP(ANON(10, 20, RW)), MAP(ANON(40, 55, RW)), 10 * PAGE, 40 * PAGE);
    const struct change *c = only(CHANGE_MOVED, 5);
    assert_int_equal(c->before->raw.start, 10 * PAGE);
    assert_int_equal(c->after->raw.start, 40 * PAGE);
    find(MAP(FILE_AT(10, 20, R, 3)), MAP(FILE_AT(40, 44, R, 3)), 10 * PAGE, 40 * PAGE);
    only(CHANGE_MOVED, -6);
    find(MAP(ANON(10, 20, RW)), MAP(ANON(40, 50, RW)), 0, 0); /* not by mremap(2) */
    assert_int_equal(changes.count, 2);
    /* in the place of another region, next to another, out of the middle of another */
    find(MAP(ANON(10, 20, RW), FILE_AT(40, 50, R, 0)), MAP(ANON(40, 50, RW)), 10 * PAGE, 40 * PAGE);
    find(MAP(ANON(10, 20, RW), ANON(30, 40, RW)), MAP(ANON(30, 50, RW)), 10 * PAGE, 40 * PAGE);
    find(MAP(ANON(10, 20, RW)), MAP(ANON(10, 13, RW), ANON(15, 20, RW), ANON(40, 42, RW)),
         13 * PAGE, 40 * PAGE);
}

static void test_protection(void **state)
{
    (void)state;
    find(MAP(ANON(10, 20, RW)), MAP(ANON(10, 20, R)), 0, 0);
    const struct change *c = only(CHANGE_PROTECTION, 0);
    assert_int_equal(c->before->raw.perms, RW);
    assert_int_equal(c->after->raw.perms, R);
    check_extent(c, 10, 20);
    find(MAP(FILE_AT(10, 20, RW, 5)), MAP(FILE_AT(10, 20, RX, 5)), 0, 0);
    only(CHANGE_PROTECTION, 0);
    find(MAP(ANON(10, 20, NONE)), MAP(ANON(10, 20, RW)), 0, 0);
    only(CHANGE_PROTECTION, 0);
}

/* A file in the place of anonymous memory, another part of the file, a shared for a private
 * mapping: not the same pages with other permissions. */
static void test_replaced(void **state)
{
    (void)state;
    find(MAP(ANON(10, 20, RW)), MAP(FILE_AT(10, 20, RW, 0)), 0, 0);
    assert_int_equal(changes.count, 2);
    one_of(CHANGE_ADDED);
    one_of(CHANGE_REMOVED);
    find(MAP(FILE_AT(10, 20, R, 0)), MAP(FILE_AT(10, 20, R, 5)), 0, 0);
    assert_int_equal(changes.count, 2);
    one_of(CHANGE_ADDED);
    find(MAP(FILE_AT(10, 20, R, 0)), MAP(FILE_AT(10, 20, R | SHARED, 0)), 0, 0);
    assert_int_equal(changes.count, 2);
    one_of(CHANGE_REMOVED);
}

static void test_file_offsets(void **state)
{
    (void)state;
    find(MAP(FILE_AT(10, 20, R, 4)), MAP(FILE_AT(13, 20, R, 7)), 0, 0); /* cut in front */
    only(CHANGE_SHRUNK, -3);
    find(MAP(FILE_AT(13, 20, R, 7)), MAP(FILE_AT(10, 20, R, 4)), 0, 0);
    only(CHANGE_GROWN, 3);
    find(MAP(FILE_AT(10, 20, R, 4)), MAP(FILE_AT(10, 13, R, 4), FILE_AT(15, 20, R, 9)), 0, 0);
    only(CHANGE_SPLIT, -2);
    find(MAP(FILE_AT(10, 20, R, 0)),
         MAP(FILE_AT(10, 13, R, 0), FILE_AT(13, 16, RX, 3), FILE_AT(16, 20, R, 6)), 0, 0);
    assert_int_equal(one_of(CHANGE_PROTECTION)->before->raw.offset, 3 * PAGE);
    assert_int_equal(one_of(CHANGE_SPLIT)->parts.count, 3);
}

/* munmap(2) of the middle */
static void test_split(void **state)
{
    (void)state;
    find(MAP(ANON(10, 20, RW)), MAP(ANON(10, 13, RW), ANON(15, 20, RW)), 0, 0);
    const struct change *c = only(CHANGE_SPLIT, -2);
    assert_int_equal(c->parts.count, 2);
    assert_ptr_equal(c->after, c->parts.items[0]);
    assert_int_equal(c->parts.items[1]->raw.start, 15 * PAGE);
    /* two holes by one look, and a split of one part that is there already */
    find(MAP(ANON(10, 20, RW)), MAP(ANON(10, 11, RW), ANON(12, 13, RW), ANON(15, 20, RW)), 0, 0);
    assert_int_equal(only(CHANGE_SPLIT, -3)->parts.count, 3);
    find(MAP(ANON(10, 13, RW), ANON(15, 20, RW)),
         MAP(ANON(10, 13, RW), ANON(15, 17, RW), ANON(18, 20, RW)), 0, 0);
    only(CHANGE_SPLIT, -1);
}

/* mprotect(2) of the middle and of an edge */
static void test_split_by_protection(void **state)
{
    (void)state;
    find(MAP(ANON(10, 20, RW)), MAP(ANON(10, 13, RW), ANON(13, 15, R), ANON(15, 20, RW)), 0, 0);
    assert_int_equal(changes.count, 2);
    const struct change *c = one_of(CHANGE_SPLIT);
    assert_int_equal(c->parts.count, 3);
    assert_int_equal(c->delta, 0);
    c = one_of(CHANGE_PROTECTION);
    assert_int_equal(c->before->raw.start, 13 * PAGE);
    assert_int_equal(c->before->raw.end, 15 * PAGE);
    assert_int_equal(c->before->raw.perms, RW);
    check_extent(c, 13, 15);
    find(MAP(ANON(10, 20, RW)), MAP(ANON(10, 13, R), ANON(13, 20, RW)), 0, 0);
    assert_int_equal(one_of(CHANGE_SPLIT)->parts.count, 2);
    check_extent(one_of(CHANGE_PROTECTION), 10, 13);
    find(MAP(ANON(10, 20, RW)), MAP(ANON(10, 13, RW), ANON(13, 20, R)), 0, 0);
    assert_int_equal(one_of(CHANGE_SPLIT)->parts.count, 2);
    check_extent(one_of(CHANGE_PROTECTION), 13, 20);
}

/* mprotect(2) back: what was split is one again; no byte comes or goes */
static void test_merged_by_protection(void **state)
{
    (void)state;
    find(MAP(ANON(10, 13, RW), ANON(13, 15, R), ANON(15, 20, RW)), MAP(ANON(10, 20, RW)), 0, 0);
    const struct change *c = one_of(CHANGE_MERGED);
    assert_int_equal(c->delta, 0);
    check_extent(c, 10, 20);
    find(MAP(ANON(10, 13, R), ANON(13, 20, RW)), MAP(ANON(10, 20, RW)), 0, 0);
    assert_int_equal(one_of(CHANGE_MERGED)->delta, 0);
    find(MAP(ANON(10, 13, RW), ANON(13, 20, R)), MAP(ANON(10, 20, RW)), 0, 0);
    assert_int_equal(one_of(CHANGE_MERGED)->delta, 0);
    /* several with different permissions become one with yet others */
    find(MAP(ANON(10, 13, RW), ANON(13, 20, R)), MAP(ANON(10, 20, RX)), 0, 0);
    assert_int_equal(one_of(CHANGE_MERGED)->parts.count, 2);
}

/* The border between two regions moves: both are still there. */
static void test_border(void **state)
{
    (void)state;
    find(MAP(ANON(10, 15, RW), ANON(15, 20, R)), MAP(ANON(10, 17, RW), ANON(17, 20, R)), 0, 0);
    assert_int_equal(changes.count, 2);
    check_extent(one_of(CHANGE_GROWN), 15, 17);
    check_extent(one_of(CHANGE_SHRUNK), 15, 17);
    /* glibc opens up more of an arena: rw grows into the reserve, nothing is new */
    find(MAP(ANON(10, 12, RW), ANON(12, 64, NONE)), MAP(ANON(10, 20, RW), ANON(20, 64, NONE)), 0,
         0);
    assert_int_equal(one_of(CHANGE_GROWN)->delta, 8 * (int64_t)PAGE);
    assert_int_equal(one_of(CHANGE_SHRUNK)->delta, -8 * (int64_t)PAGE);
    assert_int_equal(changes.count, 2);
    /* ... up to its end: the reserve is used up */
    find(MAP(ANON(10, 60, RW), ANON(60, 64, NONE)), MAP(ANON(10, 64, RW)), 0, 0);
}

/* mmap(2) between two regions that then are one */
static void test_fill(void **state)
{
    (void)state;
    find(MAP(ANON(10, 13, RW), ANON(15, 20, RW)), MAP(ANON(10, 20, RW)), 0, 0);
    const struct change *c = only(CHANGE_MERGED, 2);
    assert_int_equal(c->parts.count, 2);
    assert_int_equal(c->before->raw.start, 10 * PAGE);
    find(MAP(ANON(10, 13, RW), ANON(15, 20, RW)), MAP(ANON(10, 14, RW), ANON(15, 20, RW)), 0, 0);
    only(CHANGE_GROWN, 1);
    find(MAP(ANON(10, 13, RW), ANON(15, 20, R)),
         MAP(ANON(10, 13, RW), ANON(13, 15, RX), ANON(15, 20, R)), 0, 0);
    only(CHANGE_ADDED, 2);
    find(MAP(FILE_AT(10, 13, R, 0), FILE_AT(15, 20, R, 5)), MAP(FILE_AT(10, 20, R, 0)), 0, 0);
    only(CHANGE_MERGED, 2);
}

/* MAP_FIXED over a part, the whole, several, of others */
static void test_fixed(void **state)
{
    (void)state;
    find(MAP(FILE_AT(10, 20, R, 0)), MAP(FILE_AT(10, 13, R, 0), ANON(13, 20, RW)), 0, 0);
    assert_int_equal(changes.count, 2);
    check_extent(one_of(CHANGE_SHRUNK), 13, 20);
    check_extent(one_of(CHANGE_ADDED), 13, 20);
    find(MAP(FILE_AT(10, 20, R, 0)),
         MAP(FILE_AT(10, 13, R, 0), ANON(13, 15, RW), FILE_AT(15, 20, R, 5)), 0, 0);
    assert_int_equal(one_of(CHANGE_SPLIT)->delta, -2 * (int64_t)PAGE);
    assert_int_equal(one_of(CHANGE_ADDED)->delta, 2 * (int64_t)PAGE);
    find(MAP(FILE_AT(10, 20, R, 0), ANON(20, 25, RW), ANON(25, 26, R)), MAP(ANON(10, 26, NONE)), 0,
         0);
    find(MAP(ANON(13, 15, RW)), MAP(ANON(10, 20, R)), 0, 0); /* anonymous over anonymous */
    find(MAP(ANON(13, 15, RW)), MAP(ANON(13, 15, RW | SHARED)), 0, 0);
    assert_int_equal(changes.count, 2);
}

/* A list is emptied and used again; the regions are given back (LeakSanitizer). */
/* Neighbours that differ in nothing that can be seen: the border between two of them moves, and an
 * end of one of several becomes its neighbour's. */
static void test_flags(void **state)
{
    (void)state;
    find(MAP(ANON(10, 20, RW), ANON(20, 30, RW)), MAP(ANON(10, 15, RW), ANON(15, 30, RW)), 0, 0);
    assert_int_equal(changes.count, 2);
    assert_int_equal(one_of(CHANGE_SHRUNK)->delta, -5 * (int64_t)PAGE);
    assert_int_equal(one_of(CHANGE_GROWN)->delta, 5 * (int64_t)PAGE);
    find(MAP(ANON(10, 20, RW), ANON(20, 30, RW)),
         MAP(ANON(10, 12, RW), ANON(12, 15, RW), ANON(15, 30, RW)), 0, 0);
    assert_int_equal(changes.count, 2);
    one_of(CHANGE_SPLIT);
    one_of(CHANGE_GROWN);
}

static struct map named(const char *path, uint64_t from, uint64_t to)
{
    struct map m = {1, {{from * PAGE, to * PAGE, RW, 0, 0, ""}}};
    strcpy(m.spans[0].path, path);
    return m;
}

/* The part of the stack that the kernel calls so is another one after mprotect(2). */
static void test_kernels_names(void **state)
{
    (void)state;
    struct map whole = named("[stack]", 10, 30), parts = named("", 10, 20);
    parts.spans[parts.count++] = (struct span){20 * PAGE, 21 * PAGE, R, 0, 0, ""};
    parts.spans[parts.count++] = named("[stack]", 21, 30).spans[0];
    find(&whole, &parts, 0, 0);
    assert_int_equal(one_of(CHANGE_SPLIT)->parts.count, 3);
    one_of(CHANGE_PROTECTION);
    find(&parts, &whole, 0, 0);
    assert_int_equal(one_of(CHANGE_MERGED)->parts.count, 3);
}

static void test_references(void **state)
{
    (void)state;
    struct span spans[] = {ANON(10, 20, RW), ANON(10, 13, RW), ANON(13, 15, R), ANON(15, 20, RW)};
    struct region_list gone = {0}, fresh = {0};
    struct change_list list = {0};
    region_list_add(&gone, make(&spans[0]));
    for (int i = 1; i < 4; i++)
        region_list_add(&fresh, make(&spans[i]));
    for (int round = 0; round < 3; round++) {
        changes_find(&gone, &fresh, 0, 0, &list);
        changes_find(&fresh, &gone, 0, 0, &list); /* adds to the list */
        change_list_clear(&list);
        assert_int_equal(list.count, 0);
    }
    assert_int_equal(gone.items[0]->refs, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fresh.items[i]->refs, 1);
    change_list_free(&list);
    region_list_free(&gone);
    region_list_free(&fresh);
}

/* ---- random maps: more than any one system call can do ---- */

static void random_map(struct map *m)
{
    m->count = 0;
    for (unsigned at = random_below(&random_state, 3); at < 24;) {
        unsigned size = 1 + random_below(&random_state, 6),
                 file = random_below(&random_state, 3) == 0;
        static const unsigned perms[] = {NONE, R, RW, RW};
        m->spans[m->count] = (struct span){
            at * PAGE,        (at + size) * PAGE, perms[random_below(&random_state, 4)],
            file * at * PAGE, file * 7,           ""};
        if (file)
            strcpy(m->spans[m->count].path, "/f");
        m->count++;
        at += size + random_below(&random_state, 2) * random_below(&random_state, 3);
    }
}

static void test_random_maps(void **state)
{
    (void)state;
    static struct map before, after;
    random_state = 7;
    for (unsigned i = 0; i < 20000; i++) {
        random_map(&before);
        random_map(&after);
        find(&before, &after, 0, 0);
    }
}

/* ---- real system calls, and what the kernel says that they did ---- */

#define AREA 0x20000000ull /* nothing is mapped here unless asked for */
#define AREA_PAGES 64u

static int file;

/* fs/proc/task_mmu.c: "start-end perms offset dev inode      path" */
static void read_map(struct map *m)
{
    char line[512], flags[5];
    FILE *in = fopen("/proc/self/maps", "re");
    assert_non_null(in);
    memset(m, 0, offsetof(struct map, spans));
    while (fgets(line, sizeof line, in)) {
        struct span s = {0};
        int name = 0;
        int got = sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %" SCNu64 " %n",
                         &s.start, &s.end, flags, &s.offset, &s.inode, &name);
        assert_int_equal(got, 5);
        if (s.end <= AREA || s.start >= AREA + AREA_PAGES * PAGE)
            continue;
        for (unsigned i = 0; i < 4; i++)
            s.perms |= (unsigned)(flags[i] == "rwxs"[i]) << i;
        snprintf(s.path, sizeof s.path, "%.*s", (int)strcspn(line + name, "\n"), line + name);
        m->spans[m->count++] = s;
    }
    fclose(in);
}

static void *random_place(unsigned *pages)
{
    unsigned at = random_below(&random_state, AREA_PAGES);
    *pages = 1 + random_below(&random_state, random_below(&random_state, 3) ? 6 : AREA_PAGES);
    if (*pages > AREA_PAGES - at)
        *pages = AREA_PAGES - at;
    return (void *)(AREA + at * PAGE);
}

static int random_protection(void)
{
    static const int all[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
                              PROT_READ | PROT_EXEC};
    return all[random_below(&random_state, 5)];
}

static const char *operation;

static void random_mmap(void)
{
    unsigned pages;
    void *at = random_place(&pages);
    int prot = random_protection(), how = MAP_FIXED | MAP_PRIVATE;
    operation = "mmap";
    if (random_below(&random_state, 6) == 0)
        how = MAP_FIXED | MAP_SHARED;
    if (random_below(&random_state, 3) == 0)
        mmap(at, pages * PAGE, prot, how, file,
             (off_t)(random_below(&random_state, 2) ? (uintptr_t)at - AREA
                                                    : random_below(&random_state, 8) * PAGE));
    else
        mmap(at, pages * PAGE, prot, how | MAP_ANONYMOUS, -1, 0);
}

/* Within the area; the result, or 0 where it did not move. */
static uint64_t random_mremap(uint64_t *from)
{
    unsigned pages, to_pages;
    char *at = random_place(&pages), *to = random_place(&to_pages);
    operation = "mremap";
    *from = (uintptr_t)at;
    if (random_below(&random_state, 3) == 0) { /* where it is */
        if (at + to_pages * PAGE > (char *)AREA + AREA_PAGES * PAGE)
            return 0;
        mremap(at, pages * PAGE, to_pages * PAGE, 0);
        return 0;
    }
    int flags =
        MREMAP_MAYMOVE | MREMAP_FIXED | (random_below(&random_state, 4) ? 0 : MREMAP_DONTUNMAP);
    if (flags & MREMAP_DONTUNMAP)
        to_pages = pages;
    if (to + to_pages * PAGE > (char *)AREA + AREA_PAGES * PAGE)
        return 0;
    void *result_at = mremap(at, pages * PAGE, to_pages * PAGE, flags, to);
    return result_at == MAP_FAILED ? 0 : (uintptr_t)result_at;
}

static void random_operation(uint64_t *from, uint64_t *to)
{
    unsigned pages;
    void *at;
    *from = *to = 0;
    switch (random_below(&random_state, 8)) {
    case 0:
    case 1:
    case 2:
        return random_mmap();
    case 3:
        operation = "munmap";
        at = random_place(&pages);
        munmap(at, pages * PAGE);
        return;
    case 4:
    case 5:
        operation = "mprotect";
        at = random_place(&pages);
        mprotect(at, pages * PAGE, random_protection());
        return;
    case 6:
        operation = "write"; /* gives the region an anon_vma: not all neighbours merge any more */
        read_map(&result);
        if (result.count) {
            const struct span *s =
                &result.spans[random_below(&random_state, (unsigned)result.count)];
            if ((s->perms & RW) == RW && !s->inode)
                *(volatile char *)(uintptr_t)s->start = 1;
        }
        return;
    default:
        *to = random_mremap(from);
        if (!*to)
            *from = 0;
    }
}

static void test_system_calls(void **state)
{
    (void)state;
    static struct map before, after;
    unsigned seen[CHANGE_MERGED + 1] = {0};
    void *area = mmap((void *)AREA, AREA_PAGES * PAGE, PROT_NONE,
                      MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area != (void *)AREA) {
        print_message("the address %#llx is not free here\n", AREA);
        skip();
    }
    munmap(area, AREA_PAGES * PAGE);
    random_state = 3;
    read_map(&after);
    for (unsigned i = 0; i < 6000; i++) {
        uint64_t from, to;
        before = after;
        random_operation(&from, &to);
        read_map(&after);
        problem[0] = '\0';
        find(&before, &after, from, to);
        for (size_t c = 0; c < changes.count; c++)
            seen[changes.items[c].type]++;
    }
    for (int type = 0; type <= CHANGE_MERGED; type++) {
        if (!seen[type])
            print_message("never %s\n", change_name(type));
        assert_true(seen[type]);
    }
    munmap(area, AREA_PAGES * PAGE);
}

static int open_file(void **state)
{
    (void)state;
    file = memfd_create("f", MFD_CLOEXEC);
    return file < 0 || ftruncate(file, 2 * AREA_PAGES * PAGE);
}

static int clean(void **state)
{
    (void)state;
    change_list_free(&changes);
    return close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_added_removed),
        cmocka_unit_test(test_grown_shrunk),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_protection),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_file_offsets),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_by_protection),
        cmocka_unit_test(test_merged_by_protection),
        cmocka_unit_test(test_border),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_kernels_names),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_random_maps),
        cmocka_unit_test(test_system_calls),
    };
    return cmocka_run_group_tests(tests, open_file, clean);
}
