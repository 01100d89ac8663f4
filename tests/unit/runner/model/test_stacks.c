/* runner/model/stacks.c: stacks by id, placed in the map as it was when they were first seen; their
 * names looked up once, or taken from the trace. The symbol table is one of this test's own. */
#include "runner/model/stacks.h"
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

/* ---- symbols: a function at each multiple of 16 in /prog, nothing elsewhere ---- */

struct symbols {
    unsigned asked;
    char last_path[64];
    uint64_t last_offset;
    bool last_exact;
    struct symbol answer;
};
static struct symbols table;

const struct symbol *symbols_resolve(struct symbols *s, const char *path, uint64_t offset,
                                     bool exact)
{
    static const struct symbol nothing;
    s->asked++;
    snprintf(s->last_path, sizeof s->last_path, "%s", path);
    s->last_offset = offset;
    s->last_exact = exact;
    if (strcmp(path, "/prog") != 0 || offset % 16)
        return &nothing;
    s->answer = (struct symbol){.function = "function", "source.c", (unsigned)offset / 16};
    return &s->answer;
}

/* ---- a map, and stack records ---- */

static struct regions map;
static struct stacks stacks;
static uint64_t words[4 + PMT_MAX_FRAMES];

static void add_region(uint64_t start, uint64_t end, uint64_t offset, const char *path)
{
    struct pmt_region raw = {
        .start = start, .end = end, .offset = offset, .path_size = (uint16_t)strlen(path)};
    region_list_add(&map.list, region_new(&raw, path));
}

static struct names names;

static int create(void **state)
{
    (void)state;
    memset(&table, 0, sizeof table);
    add_region(0x1000, 0x3000, 0x1000, "/prog");
    add_region(0x3000, 0x4000, 0, "");
    add_region(0x5000, 0x6000, 0, "/lib.so (deleted)");
    add_region(0x8000, 0x9000, 0, "[vdso]");
    stacks_init(&stacks, &table, &names);
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    stacks_free(&stacks);
    names_free(&names);
    region_list_free(&map.list);
    return 0;
}

static void add_named(uint32_t id, const uint64_t *ips, uint32_t count,
                      const struct frame_symbol *symbols)
{
    struct pmt_stack *record = (struct pmt_stack *)words;
    memset(words, 0, sizeof words);
    record->r.type = PMT_RECORD_STACK;
    record->r.stack_id = id;
    record->frames = count;
    memcpy(record->ip, ips, count * sizeof *ips);
    struct event event = {.record = &record->r, .symbols = symbols};
    stacks_add(&stacks, &event, &map);
}

static void add(uint32_t id, const uint64_t *ips, uint32_t count)
{
    add_named(id, ips, count, NULL);
}

#define IPS(...) (const uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / 8

static void test_find(void **state)
{
    (void)state;
    assert_null(stacks_find(&stacks, 0));
    assert_null(stacks_find(&stacks, 1));
    assert_null(stacks_find(&stacks, UINT32_MAX));
    add(0, IPS(0x1010)); /* 0 means that there is none */
    assert_null(stacks_find(&stacks, 0));
    add(7, IPS(0x1010, 0x1020));
    add(1, IPS(0x1030));
    add(65536, IPS(0x2000));
    const struct stack *s = stacks_find(&stacks, 7);
    assert_non_null(s);
    assert_int_equal(s->id, 7);
    assert_int_equal(s->count, 2);
    assert_int_equal(s->frames[0].ip, 0x1010);
    assert_int_equal(s->frames[1].ip, 0x1020);
    assert_int_equal(stacks_find(&stacks, 1)->frames[0].ip, 0x1030);
    assert_int_equal(stacks_find(&stacks, 65536)->count, 1);
    assert_null(stacks_find(&stacks, 6));
    assert_null(stacks_find(&stacks, 65537));
}

/* Ids come from the traced process, which may have written anything into the ring. */
static void test_wild_ids(void **state)
{
    (void)state;
    add(UINT32_MAX, IPS(0x1010));
    add(1u << 31, IPS(0x1010));
    add(1u << 20, IPS(0x1010));
    assert_null(stacks_find(&stacks, UINT32_MAX));
    assert_null(stacks_find(&stacks, 1u << 20));
    add((1u << 20) - 1, IPS(0x1010));
    assert_non_null(stacks_find(&stacks, (1u << 20) - 1));
}

static void test_empty(void **state)
{
    (void)state;
    uint64_t ips[PMT_MAX_FRAMES] = {0};
    add(3, ips, 0);
    assert_non_null(stacks_find(&stacks, 3));
    assert_int_equal(stacks_find(&stacks, 3)->count, 0);
    for (unsigned i = 0; i < PMT_MAX_FRAMES; i++)
        ips[i] = 0x1000 + i;
    add(4, ips, PMT_MAX_FRAMES);
    assert_int_equal(stacks_find(&stacks, 4)->frames[PMT_MAX_FRAMES - 1].ip, 0x103f);
}

/* The same id twice: the last one counts, nothing leaks. */
static void test_again(void **state)
{
    (void)state;
    add(5, IPS(0x1010, 0x1020, 0x1030));
    add(5, IPS(0x5010));
    const struct stack *s = stacks_find(&stacks, 5);
    assert_int_equal(s->count, 1);
    assert_int_equal(s->frames[0].ip, 0x5010);
}

static void check_place(uint64_t ip, const char *module, uint64_t offset)
{
    add(9, &ip, 1);
    const struct frame *f = &stacks_find(&stacks, 9)->frames[0];
    if (module) {
        assert_non_null(f->module);
        assert_string_equal(f->module, module);
        assert_int_equal(f->file_offset, offset);
    } else {
        assert_null(f->module);
    }
}

/* A return address may be the first one behind its function, its region even: the call counts. */
static void test_places(void **state)
{
    (void)state;
    check_place(0x1010, "/prog", 0x1010);
    check_place(0x1001, "/prog", 0x1001);
    check_place(0x1000, NULL, 0);
    check_place(0x3000, "/prog", 0x3000);
    check_place(0x3001, NULL, 0); /* anonymous */
    check_place(0x5fff, "/lib.so (deleted)", 0xfff);
    check_place(0x8010, NULL, 0); /* [vdso] is no file */
    check_place(0, NULL, 0);
    check_place(UINT64_MAX, NULL, 0);
}

/* What is mapped there later changes nothing. */
static void test_place_then(void **state)
{
    (void)state;
    add(1, IPS(0x1010, 0x5010));
    region_list_clear(&map.list);
    add_region(0x1000, 0x9000, 0, "/other");
    const struct stack *s = stacks_find(&stacks, 1);
    assert_string_equal(s->frames[0].module, "/prog");
    assert_string_equal(s->frames[1].module, "/lib.so (deleted)");
    stacks_symbol(&stacks, &s->frames[0], false);
    assert_string_equal(table.last_path, "/prog");
    add(2, IPS(0x1010));
    assert_string_equal(stacks_find(&stacks, 2)->frames[0].module, "/other");
}

static void test_symbols(void **state)
{
    (void)state;
    add(1, IPS(0x1010, 0x1011, 0x3500));
    const struct stack *s = stacks_find(&stacks, 1);
    assert_int_equal(table.asked, 0); /* not before somebody wants to know */
    const struct symbol *symbol = stacks_symbol(&stacks, &s->frames[0], false);
    assert_string_equal(symbol->function, "function");
    assert_string_equal(symbol->file, "source.c");
    assert_int_equal(symbol->line, 0x101);
    assert_int_equal(table.last_offset, 0x1010);
    assert_false(table.last_exact);
    assert_ptr_equal(stacks_symbol(&stacks, &s->frames[0], false), symbol);
    assert_int_equal(table.asked, 1); /* once each */
    symbol = stacks_symbol(&stacks, &s->frames[1], true);
    assert_null(symbol->function);
    assert_null(symbol->file);
    assert_int_equal(symbol->line, 0);
    assert_true(table.last_exact);
    stacks_symbol(&stacks, &s->frames[1], true);
    assert_int_equal(table.asked, 2); /* "nothing" is remembered too */
    symbol = stacks_symbol(&stacks, &s->frames[2], false);
    assert_null(symbol->function);
    assert_int_equal(table.asked, 2); /* no file, no question */
}

static void test_no_table(void **state)
{
    (void)state;
    stacks.symbols = NULL;
    add(1, IPS(0x1010));
    const struct symbol *s = stacks_symbol(&stacks, &stacks_find(&stacks, 1)->frames[0], false);
    assert_null(s->function);
    assert_string_equal(stacks_find(&stacks, 1)->frames[0].module, "/prog");
}

/* A trace brings its names along: files are not looked at, and the strings are copied. */
static void test_replayed(void **state)
{
    (void)state;
    char function[] = "main", module[] = "/home/ann/map3", source[] = "/home/ann/map3.c";
    char outer[] = "outer";
    struct symbol_place into[2] = {{outer, source, 5}, {function, NULL, 0}};
    struct frame_symbol symbols[3] = {
        {module, {function, source, 21, 2, into}}, {0}, {module, {.function = NULL}}};
    add_named(1, IPS(0x1010, 0x1020, 0x5010), symbols);
    memset(function, 'x', 4);
    memset(module, 'x', 4);
    memset(source, 'x', 4);
    memset(outer, 'x', 4);
    memset(symbols, 0, sizeof symbols);
    memset(into, 0, sizeof into);
    const struct stack *s = stacks_find(&stacks, 1);
    const struct symbol *symbol = stacks_symbol(&stacks, &s->frames[0], false);
    assert_string_equal(symbol->function, "main");
    assert_string_equal(s->frames[0].module, "/home/ann/map3");
    assert_int_equal(symbol->inlined, 2);
    assert_string_equal(symbol->inlined_into[0].function, "outer");
    assert_string_equal(symbol->inlined_into[0].file, "/home/ann/map3.c");
    assert_int_equal(symbol->inlined_into[0].line, 5);
    assert_ptr_equal(symbol->inlined_into[1].function, symbol->function);
    assert_string_equal(symbol->file, "/home/ann/map3.c");
    assert_int_equal(symbol->line, 21);
    symbol = stacks_symbol(&stacks, &s->frames[2], false);
    assert_null(symbol->function);
    assert_int_equal(symbol->inlined, 0);
    assert_string_equal(s->frames[2].module, "/home/ann/map3");
    assert_int_equal(table.asked, 0);
    /* one frame without: that one is looked up */
    assert_string_equal(stacks_symbol(&stacks, &s->frames[1], false)->function, "function");
    assert_int_equal(table.asked, 1);
}

/* Strings are kept once, and stay where they are however many there are. */
static void test_names_stay(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static const char *first[MANY];
    char name[32];
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "function_%" PRIu32, i);
        struct frame_symbol symbol = {"/m", {.function = name}};
        add_named(i + 1, IPS(0x1010), &symbol);
        first[i] = stacks_symbol(&stacks, &stacks_find(&stacks, i + 1)->frames[0], false)->function;
    }
    for (uint32_t i = 0; i < MANY; i++) {
        const struct symbol *symbol =
            stacks_symbol(&stacks, &stacks_find(&stacks, i + 1)->frames[0], false);
        snprintf(name, sizeof name, "function_%" PRIu32, i);
        assert_string_equal(symbol->function, name);
        assert_ptr_equal(symbol->function, first[i]);
        assert_ptr_equal(stacks_find(&stacks, i + 1)->frames[0].module,
                         stacks_find(&stacks, 1)->frames[0].module);
    }
}

/* A child has the stacks of its parent, and each gives way to one of its own. */
static void test_inherit(void **state)
{
    (void)state;
    struct stacks child;
    stacks_init(&child, &table, &names);
    add(7, IPS(0x1010));
    add(500, IPS(0x1020));
    stacks_inherit(&child, &stacks);
    const struct stack *shared = stacks_find(&stacks, 7);
    assert_ptr_equal(stacks_find(&child, 7), shared);
    assert_ptr_equal(stacks_find(&child, 500), stacks_find(&stacks, 500));
    assert_null(stacks_find(&child, 8));
    add(7, IPS(0x1030)); /* the parent's next one of that number */
    add(8, IPS(0x1040));
    stacks_inherit(&child, &stacks); /* only what it does not have */
    assert_ptr_equal(stacks_find(&child, 7), shared);
    assert_int_equal(shared->frames[0].ip, 0x1010);
    assert_int_equal(stacks_find(&child, 8)->frames[0].ip, 0x1040);
    stacks_free(&stacks);
    stacks_init(&stacks, &table, &names);
    assert_int_equal(stacks_find(&child, 500)->frames[0].ip, 0x1020);
    stacks_free(&child);
}

int main(void)
{
#define WITH_STACKS(test) cmocka_unit_test_setup_teardown(test, create, destroy)
    const struct CMUnitTest tests[] = {
        WITH_STACKS(test_find),       WITH_STACKS(test_wild_ids), WITH_STACKS(test_empty),
        WITH_STACKS(test_again),      WITH_STACKS(test_places),   WITH_STACKS(test_place_then),
        WITH_STACKS(test_symbols),    WITH_STACKS(test_no_table), WITH_STACKS(test_replayed),
        WITH_STACKS(test_names_stay), WITH_STACKS(test_inherit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
