/* schemas/look.c over texts by hand: which windows it sends, and that it says nothing that it could
 * not read. */
#include "schemas/look.h"
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

#define STACK 0x7f000

static const char *text;
static size_t text_at, fails_at; /* fails_at: bytes after which a read fails */

static long io_read(int fd, void *out, size_t size)
{
    (void)fd;
    size_t left = (fails_at < strlen(text) ? fails_at : strlen(text)) - text_at;
    if (left == 0 && fails_at < strlen(text))
        return -EIO;
    size = size < left ? size : left;
    memcpy(out, text + text_at, size);
    text_at += size;
    return (long)size;
}

static long io_ioctl(int fd, unsigned long request, void *argument)
{
    (void)fd;
    (void)request;
    (void)argument;
    return -ENOTTY;
}

static struct maps maps;
static unsigned char body[PMT_RECORD_MAX];
static struct look_stack stack;

/* What was sent: "reason lo-hi[ flags]: start-end path, ...". */
static char sent[1 << 20];
static unsigned sent_count;
static uint64_t last_hi;

static void send(const struct look_walk *look, const struct look_window *w)
{
    static union {
        struct pmt_snapshot snapshot;
        unsigned char bytes[PMT_RECORD_MAX];
    } record;
    struct pmt_within within = {.call = PMT_CALL_DLOPEN, .name_size = 3};
    char *out = sent + strlen(sent);
    assert_int_equal(look->stack_id, 9);
    assert_in_range(look_size(w, 3), sizeof record.snapshot + 8, sizeof record);
    memset(&record, 0xa5, sizeof record);
    look_fill(look, w, &within, "abc", &record.snapshot);
    const struct pmt_snapshot *s = &record.snapshot;
    out += sprintf(out, "%d %" PRIx64 "-%" PRIx64 "%s%s:", w->reason, s->lo, s->hi,
                   s->flags & PMT_SNAPSHOT_LAST ? " last" : "",
                   s->flags & PMT_SNAPSHOT_WHOLE ? " whole" : "");
    assert_memory_equal(s + 1, "abc", 3);
    const unsigned char *at = (const unsigned char *)(s + 1) + 8;
    for (uint32_t i = 0; i < s->regions; i++) {
        struct pmt_region g;
        memcpy(&g, at, sizeof g);
        at += sizeof g;
        out += sprintf(out, " %" PRIx64 "-%" PRIx64 "%.*s", g.start, g.end, g.path_size, at);
        for (uint32_t pad = g.path_size; pad < pmt_align(g.path_size); pad++)
            assert_int_equal(at[pad], 0);
        at += pmt_align(g.path_size);
    }
    assert_int_equal(at - record.bytes, look_size(w, 3));
    strcpy(out, "\n");
    last_hi = s->hi;
    sent_count++;
}

static struct look_walk start(const char *map)
{
    static const struct maps_io io = {io_read, io_ioctl};
    text = map;
    text_at = 0;
    fails_at = SIZE_MAX;
    sent[0] = '\0';
    sent_count = 0;
    stack = (struct look_stack){.inside = STACK + 1, .low = STACK, .high = STACK + 0x1000};
    maps_start(&maps, &io, 3, false);
    return (struct look_walk){.maps = &maps,
                              .body = body,
                              .stack = &stack,
                              .page_size = 0x1000,
                              .stack_id = 9,
                              .send = send};
}

static const char map[] = "1000-2000 r--p 0 0:0 0 /a\n"
                          "3000-4000 r--p 0 0:0 0\n"
                          "4000-6000 rw-p 0 0:0 0 /bcd\n"
                          "9000-a000 rw-p 0 0:0 0\n"
                          "7f000-80000 rw-p 0 0:0 0 [stack]\n";

static void test_ranges(void **state)
{
    (void)state;
    struct look_walk look = start(map);
    struct mapcalls_range ranges[] = {{0x5000, 0x6000}, {0x8000, 0x9000}};
    assert_true(look_ranges(&look, ranges, 1)); /* the neighbours, and whole what reaches in */
    assert_string_equal(sent, "2 4000-7000 last: 4000-6000/bcd\n");
    look = start(map);
    assert_true(look_ranges(&look, ranges, 2)); /* one look, two windows */
    assert_string_equal(sent, "2 4000-7000: 4000-6000/bcd\n2 7000-a000 last: 9000-a000\n");
    look = start(map);
    assert_true(look_ranges(&look, &(struct mapcalls_range){0, 0x1000}, 1));
    assert_string_equal(sent, "2 0-2000 last: 1000-2000/a\n");
    look = start(map);
    assert_true(look_ranges(&look, &(struct mapcalls_range){0x20000, 0x21000}, 1));
    assert_string_equal(sent, "2 1f000-22000 last:\n");
}

static void test_whole(void **state)
{
    (void)state;
    struct look_walk look = start(map);
    assert_true(look_whole(&look, PMT_REASON_START, 1ull << 32));
    assert_string_equal(sent, "1 0-100000000 last whole: 1000-2000/a 3000-4000 4000-6000/bcd "
                              "9000-a000 7f000-80000[stack]\n");
}

static void test_stack(void **state)
{
    (void)state;
    struct look_walk look = start(map);
    assert_true(look_stack(&look));
    assert_string_equal(sent, ""); /* as it was */
    look = start("1000-2000 r--p 0 0:0 0\n7d000-81000 rw-p 0 0:0 0 [stack]\n");
    assert_true(look_ranges(&look, &(struct mapcalls_range){0x1000, 0x2000}, 1));
    assert_string_equal(sent, "2 0-3000 last: 1000-2000\n3 7d000-81000 last: 7d000-81000[stack]\n");
    assert_int_equal(stack.low, 0x7d000);
    assert_int_equal(stack.high, 0x81000);
    look = start(
        "1000-2000 r--p 0 0:0 0\n7d000-7f000 -w-p 0 0:0 0\n7f000-81000 rw-p 0 0:0 0 [stack]\n");
    stack.low = 0x7d000;
    assert_true(look_stack(&look)); /* no page fault has done that */
    assert_string_equal(sent, "");
    assert_int_equal(stack.low, 0x7d000);
    look = start("1000-2000 r--p 0 0:0 0\n90000-91000 rw-p 0 0:0 0\n");
    assert_true(look_stack(&look)); /* there is none at this address */
    look = start(map);
    stack.inside = 0; /* not known */
    assert_true(look_stack(&look));
    assert_string_equal(sent, "");
}

/* Two reads of the text may meet a merge between them: regions never overlap in a record. */
static void test_merged_meanwhile(void **state)
{
    (void)state;
    struct look_walk look = start("1000-3000 r--p 0 0:0 0\n2000-5000 r--p 0 0:0 0\n");
    assert_true(look_whole(&look, PMT_REASON_START, 1ull << 32));
    assert_string_equal(sent, "1 0-100000000 last whole: 1000-3000 3000-5000\n");
}

/* The same of a region that reaches from one window into the next: it is told once. */
static void test_in_both_windows(void **state)
{
    struct mapcalls_range ranges[] = {{0x3000, 0x4000}, {0x7000, 0x8000}};
    (void)state;
    struct look_walk look = start("1000-8000 r--p 0 0:0 0\n8000-9000 rw-p 0 0:0 0\n");
    assert_true(look_ranges(&look, ranges, 2));
    assert_string_equal(sent, "2 2000-5000: 1000-8000\n2 8000-9000 last: 8000-9000\n");
    look = start("1000-a000 r--p 0 0:0 0\nb000-c000 rw-p 0 0:0 0\n");
    assert_true(look_ranges(&look, ranges, 2)); /* with one neighbour all the same */
    assert_string_equal(sent, "2 2000-5000: 1000-a000\n2 a000-b000 last:\n");
    look = start("1000-5000 r--p 0 0:0 0\n4000-9000 r--p 0 0:0 0\n");
    assert_true(look_ranges(&look, ranges, 2)); /* it has grown meanwhile */
    assert_string_equal(sent, "2 2000-5000: 1000-5000\n2 6000-9000 last: 5000-9000\n");
}

/* More than a record holds: the windows follow on each other, and only the last one is the last. */
static void test_many_records(void **state)
{
    static char many[1 << 20];
    size_t used = 0;
    (void)state;
    for (unsigned i = 1; i <= 3000; i++)
        used += (size_t)sprintf(many + used, "%x000-%x800 r--p 0 0:0 0 /path\n", i, i);
    struct look_walk look = start(many);
    assert_true(look_whole(&look, PMT_REASON_EXIT, 1ull << 32));
    assert_true(sent_count > 8);
    assert_int_equal(last_hi, 1ull << 32);
    const char *last = strstr(sent, "last");
    assert_ptr_equal(strchr(last, '\n') + 1, sent + strlen(sent));
    uint64_t at = 0, lo, hi;
    unsigned regions = 0;
    for (char *line = sent; *line; line = strchr(line, '\n') + 1) {
        assert_int_equal(sscanf(line, "%*d %" SCNx64 "-%" SCNx64, &lo, &hi), 2);
        assert_int_equal(lo, at);
        at = hi;
    }
    for (char *path = strstr(sent, "/path"); path; path = strstr(path + 1, "/path"))
        regions++;
    assert_int_equal(regions, 3000);
}

/* What could not be read is not said to be empty. */
static void test_failure(void **state)
{
    struct mapcalls_range ranges[] = {{0x3000, 0x4000}, {0x9000, 0xa000}};
    (void)state;
    struct look_walk look = start(map);
    fails_at = strlen("1000-2000 r--p 0 0:0 0 /a\n3000-4000 r--");
    assert_false(look_ranges(&look, ranges, 2));
    assert_string_equal(sent, "");
    look = start(map);
    fails_at = (size_t)(strstr(map, "9000-a") - map);
    assert_false(look_whole(&look, PMT_REASON_START, 1ull << 32));
    assert_string_equal(sent, "");
    look = start(map);
    fails_at = (size_t)(strstr(map, "7f000") - map);
    assert_false(look_stack(&look));
    look = start(""); /* there is no process without a region */
    assert_false(look_whole(&look, PMT_REASON_START, 1ull << 32));
    assert_string_equal(sent, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),          cmocka_unit_test(test_whole),
        cmocka_unit_test(test_stack),           cmocka_unit_test(test_merged_meanwhile),
        cmocka_unit_test(test_many_records),    cmocka_unit_test(test_failure),
        cmocka_unit_test(test_in_both_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
