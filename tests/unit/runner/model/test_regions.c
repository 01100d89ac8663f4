/* runner/model/regions.c: windows of the map that are replaced, against a map of pages. */
#include "runner/model/regions.h"
#include "tests/unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

#define PAGE 4096ull

static uint64_t random_state = 20240607;

/* What a region is in these tests: pages [from, to), and one number for all that it may differ
 * in. */
struct span {
    unsigned from, to;
    unsigned look;
};

static struct region *make(struct span s)
{
    static const char *const paths[] = {"", "[heap]", "/bin/true"};
    struct pmt_region raw = {.start = s.from * PAGE,
                             .end = s.to * PAGE,
                             .perms = s.look & 15,
                             .offset = (s.look >> 4 & 1) * PAGE,
                             .inode = s.look >> 5 & 1,
                             .dev_major = s.look >> 6 & 1,
                             .dev_minor = s.look >> 7 & 1};
    const char *path = paths[(s.look >> 8) % 3];
    raw.inode += (s.look >> 8) % 3 * 2; /* another path, another file */
    raw.path_size = (uint16_t)strlen(path);
    return region_new(&raw, path);
}

struct fixture {
    struct regions map;
    struct region_list now, gone, fresh;
};

static void look(struct fixture *f, unsigned lo, unsigned hi, const struct span *spans,
                 size_t count)
{
    for (size_t i = 0; i < count; i++)
        region_list_add(&f->now, make(spans[i]));
    regions_replace(&f->map, lo * PAGE, hi * PAGE, &f->now, &f->gone, &f->fresh);
    assert_int_equal(f->now.count, 0);
}

#define LOOK(f, lo, hi, ...)                                                                       \
    look(f, lo, hi, (struct span[]){__VA_ARGS__},                                                  \
         sizeof((struct span[]){__VA_ARGS__}) / sizeof(struct span))

static void forget(struct fixture *f)
{
    region_list_clear(&f->gone);
    region_list_clear(&f->fresh);
}

static void destroy(struct fixture *f)
{
    region_list_free(&f->now);
    region_list_free(&f->gone);
    region_list_free(&f->fresh);
    region_list_free(&f->map.list);
}

static void check(const struct region_list *list, const struct span *spans, size_t count)
{
    assert_int_equal(list->count, count);
    for (size_t i = 0; i < count; i++) {
        struct region *want = make(spans[i]), *have = list->items[i];
        assert_memory_equal(&want->raw, &have->raw, sizeof want->raw);
        assert_string_equal(want->path, have->path);
        region_drop(want);
    }
}

#define CHECK(list, ...)                                                                           \
    check(list, (struct span[]){__VA_ARGS__},                                                      \
          sizeof((struct span[]){__VA_ARGS__}) / sizeof(struct span))

/* Another name of the same file is no change of the map; of a region without a file it is. */
static void test_names(void **state)
{
    (void)state;
    for (unsigned inode = 0; inode < 2; inode++) {
        struct pmt_region raw = {.start = PAGE, .end = 3 * PAGE, .path_size = 2, .inode = inode};
        struct region *a = region_new(&raw, "/a"), *b = region_new(&raw, "/b");
        assert_int_equal(region_same(a, b), inode);
        assert_true(region_same(a, a));
        region_drop(a);
        region_drop(b);
    }
}

static void test_region(void **state)
{
    (void)state;
    struct pmt_region raw = {.start = PAGE, .end = 3 * PAGE, .path_size = 4};
    struct region *r = region_new(&raw, "/abcdef");
    assert_string_equal(r->path, "/abc");
    assert_int_equal(region_size(r), 2 * PAGE);
    assert_int_equal(r->refs, 1);
    assert_int_equal(r->kind, KIND_ANONYMOUS);
    assert_false(r->tracer);
    assert_ptr_equal(region_keep(r), r);
    assert_int_equal(r->refs, 2);
    region_drop(r);
    assert_int_equal(r->refs, 1);
    region_drop(r);
    region_drop(NULL);
    assert_null(region_keep(NULL));
}

static void test_find(void **state)
{
    (void)state;
    struct fixture f = {0};
    assert_null(regions_find(&f.map, 0));
    assert_int_equal(regions_index(&f.map, PAGE), 0);
    LOOK(&f, 0, 100, {2, 4, 1}, {4, 5, 2}, {8, 9, 1});
    assert_null(regions_find(&f.map, 2 * PAGE - 1));
    assert_ptr_equal(regions_find(&f.map, 2 * PAGE), f.map.list.items[0]);
    assert_ptr_equal(regions_find(&f.map, 4 * PAGE - 1), f.map.list.items[0]);
    assert_ptr_equal(regions_find(&f.map, 4 * PAGE), f.map.list.items[1]);
    assert_null(regions_find(&f.map, 5 * PAGE));
    assert_ptr_equal(regions_find(&f.map, 9 * PAGE - 1), f.map.list.items[2]);
    assert_null(regions_find(&f.map, 9 * PAGE));
    assert_null(regions_find(&f.map, UINT64_MAX));
    assert_int_equal(regions_index(&f.map, 0), 0);
    assert_int_equal(regions_index(&f.map, 4 * PAGE - 1), 0);
    assert_int_equal(regions_index(&f.map, 4 * PAGE), 1);
    assert_int_equal(regions_index(&f.map, 6 * PAGE), 2);
    assert_int_equal(regions_index(&f.map, 9 * PAGE), 3);
    destroy(&f);
}

/* Whatever is as it was stays the object that it was. */
static void test_same_objects(void **state)
{
    (void)state;
    struct fixture f = {0};
    LOOK(&f, 0, 100, {1, 2, 3}, {2, 4, 1}, {8, 9, 0x120});
    CHECK(&f.fresh, {1, 2, 3}, {2, 4, 1}, {8, 9, 0x120});
    assert_int_equal(f.gone.count, 0);
    forget(&f);
    struct region *first = f.map.list.items[0], *last = f.map.list.items[2];
    LOOK(&f, 0, 100, {1, 2, 3}, {2, 4, 1}, {8, 9, 0x120});
    assert_int_equal(f.gone.count + f.fresh.count, 0);
    assert_ptr_equal(f.map.list.items[0], first);
    assert_ptr_equal(f.map.list.items[2], last);
    LOOK(&f, 0, 100, {1, 2, 3}, {2, 5, 1}, {8, 9, 0x120});
    assert_ptr_equal(f.map.list.items[0], first);
    assert_ptr_equal(f.map.list.items[2], last);
    CHECK(&f.gone, {2, 4, 1});
    CHECK(&f.fresh, {2, 5, 1});
    assert_int_equal(f.gone.items[0]->refs, 1);
    assert_int_equal(f.fresh.items[0]->refs, 2);
    destroy(&f);
}

/* Each thing that a region has makes another region of it. */
static void test_differences(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 9; bit++) {
        struct fixture f = {0};
        LOOK(&f, 0, 100, {2, 4, 0});
        forget(&f);
        struct span other = {2, 4, 1u << bit};
        look(&f, 0, 100, &other, 1);
        CHECK(&f.gone, {2, 4, 0});
        check(&f.fresh, &other, 1);
        check(&f.map.list, &other, 1);
        destroy(&f);
    }
}

static void test_empty(void **state)
{
    (void)state;
    struct fixture f = {0};
    look(&f, 0, 100, NULL, 0);
    assert_int_equal(f.map.list.count, 0);
    LOOK(&f, 0, 100, {2, 4, 1}, {4, 5, 2}, {8, 9, 1});
    forget(&f);
    look(&f, 5, 8, NULL, 0); /* between regions: nothing is touched */
    assert_int_equal(f.gone.count + f.fresh.count, 0);
    look(&f, 4, 5, NULL, 0);
    CHECK(&f.gone, {4, 5, 2});
    CHECK(&f.map.list, {2, 4, 1}, {8, 9, 1});
    look(&f, 0, 100, NULL, 0);
    CHECK(&f.gone, {4, 5, 2}, {2, 4, 1}, {8, 9, 1}); /* three looks: not sorted */
    assert_int_equal(f.map.list.count + f.fresh.count, 0);
    destroy(&f);
}

/* Regions that reach over an edge of the window are given whole, and count whole. */
static void test_edges(void **state)
{
    (void)state;
    struct fixture f = {0};
    LOOK(&f, 0, 100, {1, 3, 1}, {10, 20, 1}, {20, 30, 2}, {40, 41, 1});
    forget(&f);
    struct region *low = f.map.list.items[0], *high = f.map.list.items[3];
    LOOK(&f, 15, 25, {10, 20, 1}, {20, 30, 2}); /* the same */
    assert_int_equal(f.gone.count + f.fresh.count, 0);
    LOOK(&f, 15, 17, {10, 16, 1}, {16, 20, 3}); /* a split; the second reaches over */
    CHECK(&f.gone, {10, 20, 1});
    CHECK(&f.fresh, {10, 16, 1}, {16, 20, 3});
    CHECK(&f.map.list, {1, 3, 1}, {10, 16, 1}, {16, 20, 3}, {20, 30, 2}, {40, 41, 1});
    forget(&f);
    LOOK(&f, 18, 22, {10, 35, 1}); /* a merge over both edges */
    CHECK(&f.gone, {10, 16, 1}, {16, 20, 3}, {20, 30, 2});
    CHECK(&f.map.list, {1, 3, 1}, {10, 35, 1}, {40, 41, 1});
    forget(&f);
    look(&f, 12, 13, NULL, 0); /* what reached over both edges is gone, all of it */
    CHECK(&f.gone, {10, 35, 1});
    CHECK(&f.map.list, {1, 3, 1}, {40, 41, 1});
    assert_ptr_equal(f.map.list.items[0], low);
    assert_ptr_equal(f.map.list.items[1], high);
    LOOK(&f, 50, 51, {50, 51, 1}); /* behind all others, before all others */
    LOOK(&f, 0, 1, {0, 1, 1});
    CHECK(&f.map.list, {0, 1, 1}, {1, 3, 1}, {40, 41, 1}, {50, 51, 1});
    destroy(&f);
}

/* The top of the address space of 64 bits, where sums of addresses would wrap. */
static void test_top(void **state)
{
    (void)state;
    struct regions map = {0};
    struct region_list now = {0}, gone = {0}, fresh = {0};
    struct pmt_region raw = {.start = UINT64_MAX - 2 * PAGE + 1, .end = UINT64_MAX - PAGE + 1};
    region_list_add(&now, region_new(&raw, ""));
    regions_replace(&map, 0, UINT64_MAX, &now, &gone, &fresh);
    assert_int_equal(fresh.count, 1);
    assert_ptr_equal(regions_find(&map, raw.start), fresh.items[0]);
    assert_null(regions_find(&map, UINT64_MAX));
    regions_replace(&map, raw.start, UINT64_MAX, &now, &gone, &fresh);
    assert_int_equal(gone.count, 1);
    assert_int_equal(map.list.count, 0);
    region_list_free(&now);
    region_list_free(&gone);
    region_list_free(&fresh);
    region_list_free(&map.list);
}

#define MANY 20000u

static void test_many(void **state)
{
    (void)state;
    struct fixture f = {0};
    for (unsigned i = 0; i < MANY; i++)
        region_list_add(&f.now, make((struct span){2 * i, 2 * i + 1, i % 16}));
    regions_replace(&f.map, 0, UINT64_MAX, &f.now, &f.gone, &f.fresh);
    assert_int_equal(f.map.list.count, MANY);
    assert_int_equal(f.fresh.count, MANY);
    forget(&f);
    for (unsigned i = 0; i < 20000; i++) { /* windows of one page: removed, then back */
        unsigned at = random_below(&random_state, MANY);
        assert_ptr_equal(regions_find(&f.map, 2 * at * PAGE), f.map.list.items[at]);
        look(&f, 2 * at, 2 * at + 1, NULL, 0);
        assert_int_equal(f.map.list.count, MANY - 1);
        LOOK(&f, 2 * at, 2 * at + 1, {2 * at, 2 * at + 1, at % 16});
        CHECK(&f.gone, {2 * at, 2 * at + 1, at % 16});
        CHECK(&f.fresh, {2 * at, 2 * at + 1, at % 16});
        forget(&f);
    }
    for (unsigned i = 0; i < MANY; i++) /* all of it again, the last one other than it was */
        region_list_add(&f.now, make((struct span){2 * i, 2 * i + 1, (i == MANY - 1) + i % 16}));
    regions_replace(&f.map, 0, UINT64_MAX, &f.now, &f.gone, &f.fresh);
    assert_int_equal(f.gone.count, 1);
    assert_int_equal(f.fresh.count, 1);
    destroy(&f);
}

/* ---- random windows, against one entry a page ---- */

#define PAGES 96u

static struct span pages[PAGES]; /* which region covers the page; to == 0: none */

static unsigned spans_of_pages(struct span out[PAGES])
{
    unsigned count = 0;
    for (unsigned i = 0; i < PAGES; i = pages[i].to ? pages[i].to : i + 1)
        if (pages[i].to)
            out[count++] = pages[i];
    return count;
}

static void wipe(struct span s)
{
    for (unsigned i = s.from; i < s.to; i++)
        pages[i] = (struct span){0};
}

static bool has(const struct span *list, unsigned count, struct span s)
{
    for (unsigned i = 0; i < count; i++)
        if (memcmp(&list[i], &s, sizeof s) == 0)
            return true;
    return false;
}

static unsigned without(const struct span *list, unsigned count, const struct span *other,
                        unsigned other_count, struct span out[PAGES])
{
    unsigned left = 0;
    for (unsigned i = 0; i < count; i++)
        if (!has(other, other_count, list[i]))
            out[left++] = list[i];
    return left;
}

/* New contents for pages around [lo, hi): old regions stay, in part as they were, or others
 * come. */
static unsigned invent(unsigned lo, unsigned hi, struct span out[PAGES])
{
    unsigned count = 0, at = lo > 6 ? lo - random_below(&random_state, 6) : 0;
    while (at < hi && at < PAGES) {
        struct span s = {at, at + 1 + random_below(&random_state, 8),
                         random_below(&random_state, 0x300)};
        if (pages[at].from == at && pages[at].to && random_below(&random_state, 3))
            s = pages[at];
        at = s.to + random_below(&random_state, 2) * random_below(&random_state, 4);
        if (s.to > PAGES || s.to <= lo)
            continue;
        if (random_below(&random_state, 4))
            out[count++] = s;
    }
    return count;
}

static void apply(unsigned lo, unsigned hi, const struct span *now, unsigned count)
{
    if (count && now[0].from < lo)
        lo = now[0].from;
    if (count && now[count - 1].to > hi)
        hi = now[count - 1].to;
    for (unsigned i = lo; i < hi; i++)
        wipe(pages[i]);
    for (unsigned n = 0; n < count; n++)
        for (unsigned i = now[n].from; i < now[n].to; i++)
            pages[i] = now[n];
}

static void step(struct fixture *f)
{
    struct span before[PAGES], after[PAGES], now[PAGES], want[PAGES];
    struct region *objects[PAGES];
    unsigned lo = random_below(&random_state, PAGES),
             hi = lo + 1 + random_below(&random_state, PAGES - lo);
    unsigned old_count = spans_of_pages(before), count = invent(lo, hi, now);
    for (unsigned i = 0; i < old_count; i++)
        objects[i] = f->map.list.items[i];
    apply(lo, hi, now, count);
    unsigned new_count = spans_of_pages(after);
    look(f, lo, hi, now, count);

    check(&f->map.list, after, new_count);
    check(&f->gone, want, without(before, old_count, after, new_count, want));
    check(&f->fresh, want, without(after, new_count, before, old_count, want));
    for (unsigned i = 0; i < new_count; i++)
        for (unsigned j = 0; j < old_count; j++)
            if (memcmp(&after[i], &before[j], sizeof *after) == 0)
                assert_ptr_equal(f->map.list.items[i], objects[j]);
    for (unsigned i = 0; i < f->gone.count; i++)
        assert_int_equal(f->gone.items[i]->refs, 1);
    for (unsigned i = 0; i < f->fresh.count; i++)
        assert_int_equal(f->fresh.items[i]->refs, 2);
    forget(f);
    for (unsigned i = 0; i < f->map.list.count; i++)
        assert_int_equal(f->map.list.items[i]->refs, 1);
}

static void test_random(void **state)
{
    (void)state;
    struct fixture f = {0};
    memset(pages, 0, sizeof pages);
    for (unsigned i = 0; i < 20000; i++)
        step(&f);
    destroy(&f);
}

/* Windows of one look, one after the other: the lists go on, ascending. */
static void test_windows(void **state)
{
    (void)state;
    struct fixture f = {0};
    LOOK(&f, 0, 100, {1, 2, 0}, {10, 20, 1}, {30, 31, 2}, {50, 60, 3});
    forget(&f);
    LOOK(&f, 0, 15, {1, 2, 0}, {10, 20, 2});
    LOOK(&f, 15, 35, {10, 20, 2}, {30, 31, 3}); /* the first is seen again */
    LOOK(&f, 35, 100, {50, 55, 3});
    CHECK(&f.gone, {10, 20, 1}, {30, 31, 2}, {50, 60, 3});
    CHECK(&f.fresh, {10, 20, 2}, {30, 31, 3}, {50, 55, 3});
    CHECK(&f.map.list, {1, 2, 0}, {10, 20, 2}, {30, 31, 3}, {50, 55, 3});
    destroy(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),       cmocka_unit_test(test_region),
        cmocka_unit_test(test_find),        cmocka_unit_test(test_same_objects),
        cmocka_unit_test(test_differences), cmocka_unit_test(test_empty),
        cmocka_unit_test(test_edges),       cmocka_unit_test(test_top),
        cmocka_unit_test(test_many),        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
