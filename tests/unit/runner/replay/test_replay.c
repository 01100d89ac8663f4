/* runner/replay/replay.c: what was encoded comes back as the same record; what is wrong is
 * named. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "runner/replay/alloc_line.h"
#include "runner/replay/replay.h"
#include "schemas/record_check.h"
#include "tests/unit/records.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h> /* needs the four above it */

#define PROCESS                                                                                    \
    "{\"type\":\"process\",\"seq\":1,\"t_ns\":0,\"pid\":5,\"tid\":5,\"schema\":1,\"ppid\":4,"      \
    "\"exe\":\"/x\",\"argv\":[\"x\"],\"class\":32,\"machine\":\"i386\",\"linking\":\"dynamic\","   \
    "\"pie\":true,\"libc\":\"glibc 2.36\",\"page_size\":4096,\"backend\":\"preload\","             \
    "\"snapshots\":\"query\",\"thresholds\":null,\"brk\":\"0x1000\",\"stack_end\":\"0x2000\","     \
    "\"tracer\":[\"0x0\",\"0x0\",\"0x0\"],\"wall_time_ns\":1}\n"
#define FREE                                                                                       \
    "{\"type\":\"alloc\",\"seq\":2,\"t_ns\":9,\"pid\":5,\"tid\":5,\"call\":\"free\",\"addr\":"     \
    "null}\n"
#define COMMON "\"seq\":2,\"t_ns\":9,\"pid\":5,\"tid\":5,"
static union record record;
static char line[1u << 20];

/* A trace in memory, and its path. */
static int trace_fd;
static char trace_path[32];

static int create_trace(void **state)
{
    (void)state;
    trace_fd = memfd_create("trace", MFD_CLOEXEC);
    snprintf(trace_path, sizeof trace_path, "/proc/self/fd/%d", trace_fd);
    return trace_fd < 0;
}

static int close_trace(void **state)
{
    (void)state;
    return close(trace_fd);
}

static struct replay *open_trace(const char *text, size_t size)
{
    char why[256];
    assert_int_equal(ftruncate(trace_fd, 0), 0);
    assert_int_equal(pwrite(trace_fd, text, size, 0), size);
    struct replay *p = replay_open(trace_path, why, sizeof why);
    assert_non_null(p);
    return p;
}

/* Reads to the end or to the error. Returns the number of events; *result is what replay_next()
 * said. */
static int count_events(struct replay *p, int *result)
{
    struct event event;
    int n = 0;
    while ((*result = replay_next(p, &event)) == 1) {
        assert_true(record_valid(event.record, pmt_record_size(event.record)));
        n++;
    }
    assert_int_equal(replay_next(p, &event), *result);
    return n;
}

static void check_error(const char *text, size_t size, int events, const char *error)
{
    struct replay *p = open_trace(text, size);
    int result;
    int n = count_events(p, &result);
    const char *at = strstr(replay_error(p), error);
    if (result >= 0 || !at || n != events)
        fail_msg("%d events, result %d, error \"%s\", not %d and \"%s\"", n, result,
                 replay_error(p), events, error);
    replay_close(p);
}

/* The line after a process event and a free: line 3. */
static void check_line_error(const char *text, const char *error)
{
    char trace[4096], expected[512];
    size_t size = (size_t)snprintf(trace, sizeof trace, PROCESS FREE "%s\n" FREE, text);
    assert_true(size < sizeof trace);
    snprintf(expected, sizeof expected, "%s:3: %s", trace_path, error);
    check_error(trace, size, 2, expected);
}

/* What a trace does not hold, made equal in the original. */
static void forget(union record *u, const struct encode_context *c)
{
    u->r.stamp = 0;
    u->r.time = c->t_ns;
    if (u->r.type == PMT_RECORD_PROCESS)
        u->process.monotonic = 0;
    if (u->r.type == PMT_RECORD_ALLOC &&
        (u->r.call == PMT_CALL_REALLOC || u->r.call == PMT_CALL_REALLOCARRAY))
        u->alloc.began = c->began_ns;
}

static void test_round_trip(void **state)
{
    (void)state;
    size_t size = 0;
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        struct encode_context c = sample_context((uint64_t)i + 1);
        sample_record(&record, i);
        size += encode_record(line + size, sizeof line - size, &record.r, &c);
    }
    struct replay *p = open_trace(line, size);
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        struct encode_context c = sample_context((uint64_t)i + 1);
        struct event event;
        if (replay_next(p, &event) != 1)
            fail_msg("%s", replay_error(p));
        sample_record(&record, i);
        forget(&record, &c);
        if (i == SAMPLE_SNAPSHOT) /* its \xff stays escaped */
            continue;
        assert_int_equal(event.record->units, record.r.units);
        assert_memory_equal(event.record, &record, pmt_record_size(&record.r));
        assert_int_equal(event.t_ns, c.t_ns);
        assert_int_equal(event.pid, SAMPLE_PID);
        assert_int_equal(event.image, 1);
        bool began = i == SAMPLE_REALLOC || i == SAMPLE_REALLOCARRAY_OVERFLOW;
        assert_int_equal(event.began_ns, began ? c.began_ns : 0);
        assert_null(event.symbols);
    }
    struct event event;
    assert_int_equal(replay_next(p, &event), 0);
    assert_string_equal(replay_error(p), "");
    replay_close(p);
}

/* Encodes `record`, replays it behind a process event, encodes again: the same line. */
static void check_same_line(void)
{
    static char again[sizeof line];
    struct encode_context c = sample_context(2);
    size_t head = sizeof PROCESS - 1;
    memcpy(line, PROCESS, head);
    size_t size = encode_record(line + head, sizeof line - head, &record.r, &c);
    assert_true(size > 0);
    struct replay *p = open_trace(line, head + size);
    struct event event;
    assert_int_equal(replay_next(p, &event), 1);
    if (replay_next(p, &event) != 1)
        fail_msg("%s in %.*s", replay_error(p), (int)size, line + head);
    c.t_ns = event.t_ns;
    c.began_ns = event.began_ns;
    c.pid = event.pid;
    size_t again_size = encode_record(again, sizeof again, event.record, &c);
    if (again_size != size || memcmp(again, line + head, size) != 0)
        fail_msg("%.*snot %.*s", (int)again_size, again, (int)size, line + head);
    replay_close(p);
}

/* A second process event would change the word size, a signal is written with a name that is not
 * its own. */
static bool comes_back(void)
{
    return record.r.type != PMT_RECORD_PROCESS &&
           !(record.r.type == PMT_RECORD_EXIT && record.exit.signal != 0);
}

static void test_mutated_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        sample_record(&record, i % SAMPLE_COUNT);
        size_t size = pmt_record_size(&record.r);
        if (i >= SAMPLE_COUNT)
            mutate_bytes(record.bytes + 4, size - 4, &seed);
        if (record_valid(&record.r, size) && comes_back())
            check_same_line();
    }
}

/* The event of a line behind a process event; whether there is one. */
static bool read_line(const char *text, size_t size, struct event *event, struct pmt_alloc *copy)
{
    static char trace[sizeof PROCESS + 4096];
    size_t head = sizeof PROCESS - 1;
    memcpy(trace, PROCESS, head);
    memcpy(trace + head, text, size);
    struct replay *p = open_trace(trace, head + size);
    assert_int_equal(replay_next(p, event), 1);
    bool read = replay_next(p, event) == 1;
    if (read && pmt_record_size(event->record) <= sizeof *copy)
        memcpy(copy, event->record, pmt_record_size(event->record));
    replay_close(p);
    return read;
}

/* A line as the encoder writes it, and with a blank, which only the JSON parser takes. */
static bool check_both_ways(const char *text, size_t size)
{
    struct event fast, slow;
    struct pmt_alloc fast_copy = {0}, slow_copy = {0};
    char other[4096] = "{ ";
    memcpy(other + 2, text + 1, size - 1);
    bool read = read_line(text, size, &fast, &fast_copy);
    assert_int_equal(read, read_line(other, size + 1, &slow, &slow_copy));
    if (!read)
        return false;
    assert_memory_equal(&fast_copy, &slow_copy, sizeof fast_copy);
    assert_int_equal(fast.t_ns, slow.t_ns);
    assert_int_equal(fast.began_ns, slow.began_ns);
    assert_int_equal(fast.pid, slow.pid);
    assert_int_equal(fast.image, slow.image);
    return true;
}

static void test_allocs_both_ways(void **state)
{
    static const char bytes[] = "0123456789abcdefx\"\",:{}-. n";
    const int rounds = 30000, samples = SAMPLE_POSIX_MEMALIGN - SAMPLE_MALLOC + 1;
    uint64_t seed = 11;
    int read = 0;
    (void)state;
    for (int i = 0; i < rounds; i++) {
        struct encode_context c = sample_context(2);
        sample_record(&record, SAMPLE_MALLOC + i % samples);
        record.r.stack_id = i % 2 ? random_number(&seed) : 0;
        if (i >= samples && i % 3 == 0)
            mutate_bytes(record.bytes + 24, pmt_record_size(&record.r) - 24, &seed);
        if (!record_valid(&record.r, pmt_record_size(&record.r)))
            continue;
        size_t size = encode_record(line, sizeof line, &record.r, &c);
        if (i >= samples && i % 3 == 1)
            line[1 + random_number(&seed) % (size - 2)] =
                bytes[random_number(&seed) % (sizeof bytes - 1)];
        read += check_both_ways(line, size);
    }
    assert_in_range(read, rounds / 2, rounds);
}

/* Each derived field that the JSON view writes leaves a line to the fast way, which takes a 30th of
 * the time. */
static void test_fast_way_is_taken(void **state)
{
#define HEAD "{\"type\":\"alloc\",\"seq\":9,\"t_ns\":5,\"pid\":5,\"image\":1,\"tid\":5,"
#define DERIVED                                                                                    \
    ",\"stack_id\":2,\"caller\":\"main map3.c:24 -> "                                              \
    "printf\",\"live_bytes\":5,\"heap_bytes\":135168,"                                             \
    "\"mmap_threshold\":131072,\"reason\":{\"code\":\"block_reuses\",\"was\":5,\"freed_ns\":4}}"
    static const struct {
        const char *text;
        bool fast;
    } lines[] = {
        {HEAD "\"call\":\"malloc\",\"size\":5,\"addr\":\"0x10\",\"placement\":\"heap\",\"usable\":"
              "20" DERIVED,
         true},
        {HEAD "\"call\":\"free\",\"addr\":\"0x10\",\"placement\":\"heap\",\"usable\":20" DERIVED,
         true},
        {HEAD "\"call\":\"free\",\"addr\":\"0x10\",\"placement\":\"unknown\",\"live_bytes\":0}",
         true},
        {HEAD
         "\"call\":\"free\",\"addr\":\"0x10\",\"placement\":\"unknown\",\"caller\":\"a\\\"b\"}",
         false},
        {HEAD "\"call\":\"free\",\"addr\":\"0x10\",\"placement\":\"unknown\",\"caller\":\"ab}",
         false},
        {HEAD "\"call\":\"free\",\"addr\":\"0x10\",\"placement\":\"unknown\",\"heap_bytes\":x}",
         false},
    };
    (void)state;
    struct event event;
    struct replay *p = open_trace(PROCESS, sizeof PROCESS - 1);
    assert_int_equal(replay_next(p, &event), 1);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(alloc_line_read(p, lines[i].text, strlen(lines[i].text), &event),
                         lines[i].fast);
    replay_close(p);
}

/* Bytes that are not UTF-8 take four times their size in a trace, more than a record can hold. */
static void test_escaped_bytes(void **state)
{
    (void)state;
    char bytes[PMT_PATH_MAX];
    memset(bytes, 0xff, sizeof bytes);
    record_start(&record, PMT_RECORD_EXEC, 0, sizeof record.exec);
    record.exec.path_size = sizeof bytes;
    record_append(&record, sizeof record.exec, bytes, sizeof bytes);
    check_same_line();

    record_start(&record, PMT_RECORD_KERNEL, PMT_CALL_BRK, sizeof record.kernel);
    record.kernel.within.call = PMT_CALL_SYSTEM;
    record.kernel.within.name_size = UINT8_MAX;
    record_append(&record, sizeof record.kernel, bytes, UINT8_MAX);
    check_same_line();

    record.kernel.within.name_size = 8; /* fits: stays as it is */
    memcpy(record.bytes + sizeof record.kernel, "\\x41\\xzz", 8);
    check_same_line();
}

#define OF_IMAGE(number) "\"seq\":2,\"t_ns\":9,\"pid\":5,\"image\":" #number ",\"tid\":5,"
#define BLOCK(number, usable)                                                                      \
    "{\"type\":\"alloc\"," OF_IMAGE(number) "\"call\":\"malloc\",\"size\":1,\"addr\":"             \
                                            "\"0x10\",\"placement\":\"heap\",\"usable\":" #usable  \
                                            "}\n"

/* The next event's image, and the size word of its chunk, which depends on the image's word
 * size. */
static void check_block(struct replay *p, uint32_t image, uint64_t chunk)
{
    struct event event;
    if (replay_next(p, &event) != 1)
        fail_msg("%s", replay_error(p));
    assert_int_equal(event.image, image);
    assert_int_equal(((const struct pmt_alloc *)event.record)->chunk, chunk);
}

/* Images of two word sizes in one trace, and one that nothing is known of (any more). An event
 * without a number, as of an older trace, is the first image's. */
static void test_images(void **state)
{
    (void)state;
    static char trace[8192];
    char wide[sizeof PROCESS + 32];
    const char *rest = strstr(PROCESS, "\"tid\"");
    snprintf(wide, sizeof wide, "%.*s\"image\":2,%s", (int)(rest - PROCESS), PROCESS, rest);
    memcpy(strstr(wide, "\"class\":32"), "\"class\":64", 10);
    int size = snprintf(trace, sizeof trace, "%s%s%s%s%s%s%s", PROCESS, wide, BLOCK(2, 24),
                        "{\"type\":\"library\",\"anything\":1}\n" BLOCK(1, 20) FREE,
                        "{\"type\":\"exit\"," OF_IMAGE(2) "\"end\":\"exec\",\"status\":null}\n",
                        BLOCK(2, 20), BLOCK(9, 20));
    struct replay *p = open_trace(trace, (size_t)size);
    struct event event;
    assert_int_equal(replay_next(p, &event), 1);
    assert_int_equal(event.image, 1);
    assert_int_equal(replay_next(p, &event), 1);
    assert_int_equal(event.image, 2);
    assert_int_equal(((const struct pmt_process *)event.record)->word_size, 8);
    check_block(p, 2, 32 | 1);
    check_block(p, 1, 24 | 1);
    check_block(p, 1, 0); /* free(NULL) */
    assert_int_equal(replay_next(p, &event), 1);
    assert_int_equal(((const struct pmt_exit *)event.record)->end, PMT_END_EXEC);
    check_block(p, 2, 24 | 1);
    check_block(p, 9, 24 | 1);
    assert_int_equal(replay_next(p, &event), 0);
    replay_close(p);
}

static void test_symbols(void **state)
{
    (void)state;
    static const char trace[] = PROCESS
        "{\"type\":\"stack\"," COMMON "\"id\":1,\"frames\":[{\"ip\":\"0x10\"},{\"ip\":\"0x20\","
        "\"function\":\"main\",\"module\":\"/x\",\"file\":\"x.c\",\"line\":7,\"inlined_into\":["
        "{\"function\":\"a\",\"file\":\"y.c\",\"line\":8},{\"function\":\"\"}]}]}\n" FREE
        "{\"type\":\"region\"," COMMON "\"anything\":[]}\n"
        "{\"type\":\"stack\"," COMMON
        "\"id\":2,\"frames\":[{\"ip\":\"0x10\",\"function\":\"main\"}]}\n";
    struct replay *p = open_trace(trace, sizeof trace - 1);
    struct event event;
    assert_int_equal(replay_next(p, &event), 1);
    assert_int_equal(replay_next(p, &event), 1);
    assert_non_null(event.symbols);
    assert_null(event.symbols[0].symbol.function);
    const char *function = event.symbols[1].symbol.function;
    assert_string_equal(function, "main");
    assert_string_equal(event.symbols[1].module, "/x");
    assert_string_equal(event.symbols[1].symbol.file, "x.c");
    assert_int_equal(event.symbols[1].symbol.line, 7);
    assert_int_equal(event.symbols[0].symbol.inlined, 0);
    assert_int_equal(event.symbols[1].symbol.inlined, 2);
    const struct symbol_place *into = event.symbols[1].symbol.inlined_into;
    assert_string_equal(into[0].function, "a");
    assert_string_equal(into[0].file, "y.c");
    assert_int_equal(into[0].line, 8);
    assert_string_equal(into[1].function, "");
    assert_null(into[1].file);
    assert_int_equal(replay_next(p, &event), 1);
    assert_null(event.symbols);
    assert_int_equal(replay_next(p, &event), 1); /* the region event is skipped */
    assert_ptr_equal(event.symbols[0].symbol.function, function);
    assert_int_equal(event.symbols[0].symbol.line, 0);
    assert_int_equal(replay_next(p, &event), 0);
    replay_close(p);
}

static void test_signals(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned number;
    } signals[] = {{"SIGSEGV", 11},     {"SIGKILL", 9}, {"SIGSYS", 31}, {"SIGRTMIN", 34},
                   {"SIGRTMIN+30", 64}, {"SIG33", 33},  {"SIG35", 35}};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        int size =
            snprintf(line, sizeof line,
                     PROCESS "{\"type\":\"exit\"," COMMON "\"status\":null,\"signal\":\"%s\"}\n",
                     signals[i].name);
        struct replay *p = open_trace(line, (size_t)size);
        struct event event;
        assert_int_equal(replay_next(p, &event), 1);
        if (replay_next(p, &event) != 1)
            fail_msg("%s", replay_error(p));
        assert_int_equal(((const struct pmt_exit *)event.record)->signal, signals[i].number);
        replay_close(p);
    }
}

static void test_blank_lines(void **state)
{
    (void)state;
    static const char trace[] = "\n\r\n" PROCESS "\n\n  \n" FREE "\n\n\0\0\0";
    struct replay *p = open_trace(trace, sizeof trace - 1);
    int result;
    assert_int_equal(count_events(p, &result), 2);
    assert_int_equal(result, 0);
    replay_close(p);
    check_error("\n\nnonsense\n", 11, 0, ":3: not JSON");
}

/* The last line cut off at every byte, with and without the shim's padding. */
static void test_cut(void **state)
{
    (void)state;
    static const char trace[] = PROCESS FREE;
    size_t first = sizeof PROCESS - 1, size = sizeof trace - 1;
    char padded[sizeof trace + 64];
    for (size_t cut = first + 1; cut < size - 1; cut++) {
        check_error(trace, cut, 1, ":2: ends in the middle of an event");
        memcpy(padded, trace, cut);
        memset(padded + cut, '\n', 64);
        check_error(padded, cut + 64, 1, ":2: ends in the middle of an event");
    }
    int result;
    struct replay *p = open_trace(trace, size - 1); /* all but the newline */
    assert_int_equal(count_events(p, &result), 2);
    assert_int_equal(result, 0);
    replay_close(p);
    for (size_t cut = 1; cut < first - 1; cut++)
        check_error(trace, cut, 0, ":1: ends in the middle of an event");
}

static void test_not_a_trace(void **state)
{
    (void)state;
    check_error("", 0, 0, ": no event in it");
    check_error("\n\n", 2, 0, ": no event in it");
    check_error(FREE, sizeof FREE - 1, 0,
                ":1: a trace starts with a process event, this is \"alloc\"");
    check_error("{\"type\":\"region\"}\n", 18, 0, ":1: a trace starts with a process event");
    check_error("\x7f"
                "ELF\x02\x01\x01\n\n\x1b[31m",
                15, 0, ":1: not JSON");
    snprintf(line, sizeof line, "%s", PROCESS);
    *strstr(line, "\"schema\":1") = ' ';
    check_error(line, sizeof PROCESS - 1, 0, ":1: not JSON");
    snprintf(line, sizeof line, "%s", PROCESS);
    strstr(line, "\"schema\":1")[9] = '2';
    check_error(line, sizeof PROCESS - 1, 0, ":1: schema 2 is not known");
}

static void test_wrong_values(void **state)
{
    (void)state;
    check_line_error("[]", "expected an event, a JSON object");
    check_line_error("{\"seq\":1}", "field \"type\": expected a string");
    check_line_error("{\"type\":\"spoon\"," COMMON "\"x\":1}", "unknown type of event \"spoon\"");
    check_line_error("{\"type\":\"\\u001b[2J\xc2\x9b\"}", "unknown type of event \"\\x1b[2J??\"");
    check_line_error("{\"type\":\"alloc\"," COMMON "\"call\":\"free\",\"addr\":4096}",
                     "field \"addr\": expected an address like \"0x1000\"");
    check_line_error("{\"type\":\"alloc\"," COMMON
                     "\"call\":\"free\",\"addr\":\"0x10000000000000000\"}",
                     "field \"addr\": expected an address");
    check_line_error("{\"type\":\"alloc\"," COMMON "\"call\":\"free\",\"addr\":\"0x1\\u0000\"}",
                     "field \"addr\": expected an address");
    check_line_error("{\"type\":\"alloc\"," COMMON "\"call\":\"brk\",\"addr\":null,\"size\":1}",
                     "this event cannot be");
    check_line_error("{\"type\":\"alloc\"," COMMON "\"call\":\"malloc\",\"addr\":null}",
                     "field \"size\": expected an integer from 0 to 18446744073709551615");
    check_line_error("{\"type\":\"alloc\"," COMMON
                     "\"call\":\"malloc\",\"size\":1,\"addr\":\"0x8\","
                     "\"placement\":\"heap\",\"usable\":13}",
                     "field \"usable\": expected a size that a block of glibc can have");
    check_line_error("{\"type\":\"alloc\"," COMMON
                     "\"call\":\"malloc\",\"size\":1.5,\"addr\":null}",
                     "field \"size\": expected an integer");
    check_line_error("{\"type\":\"kernel\"," COMMON "\"call\":\"brk\",\"args\":[\"0x1\",\"0x2\"]}",
                     "field \"args\": expected an array of 1 addresses");
    check_line_error("{\"type\":\"kernel\"," COMMON "\"call\":\"munmap\",\"args\":[\"0x1\",2]}",
                     "field \"args[1]\": expected an address");
    check_line_error("{\"type\":\"kernel\"," COMMON
                     "\"call\":\"munmap\",\"args\":[\"0x1\",\"0x2\"],"
                     "\"errno\":\"EWHAT\"}",
                     "field \"errno\": expected the name or the number of an error");
    check_line_error("{\"type\":\"exit\"," COMMON "\"status\":null}",
                     "field \"signal\": expected a string");
    check_line_error("{\"type\":\"exit\"," COMMON "\"end\":\"never\",\"status\":null}",
                     "field \"end\": expected a known name, not \"never\"");
    check_line_error("{\"type\":\"exit\"," COMMON "\"image\":-1,\"status\":0}",
                     "field \"image\": expected an integer from 0 to 4294967295");
    check_line_error("{\"type\":\"thread\"," COMMON "\"event\":\"start\"}",
                     "field \"creator\": expected an integer");
    check_line_error("{\"type\":\"thread\"," COMMON
                     "\"event\":\"start\",\"creator\":1,\"stack\":{}}",
                     "field \"address\": expected an address");
    check_line_error("{\"type\":\"fork\"," COMMON "\"call\":\"malloc\",\"fork_id\":1}",
                     "this event cannot be");
    check_line_error("{\"type\":\"exit\"," COMMON "\"status\":4294967296}",
                     "field \"status\": expected an integer from -2147483648 to 2147483647");
    check_line_error("{\"type\":\"loss\"," COMMON "\"reason\":\"none\",\"count\":1}",
                     "field \"reason\": expected a known name, not \"none\"");
    check_line_error("{\"type\":\"loss\",\"type\":\"loss\"}", "not JSON: duplicate object key");
}

static void test_wrong_regions(void **state)
{
    (void)state;
#define SNAPSHOT(regions)                                                                          \
    "{\"type\":\"snapshot\"," COMMON "\"reason\":\"exit\",\"lo\":\"0x0\",\"hi\":\"0x100000\","     \
    "\"whole\":true,\"last\":true,\"regions\":[" regions "]}"
#define REGION(start, end, size, perms)                                                            \
    "{\"start\":\"" start "\",\"end\":\"" end "\",\"size\":" size ",\"perms\":\"" perms "\","      \
    "\"offset\":0,\"dev_major\":0,\"dev_minor\":0,\"inode\":0,\"path\":\"\"}"
    static const char good[] = PROCESS SNAPSHOT(REGION("0x1000", "0x2000", "4096", "rwxs")) "\n";
    struct replay *p = open_trace(good, sizeof good - 1);
    int result;
    assert_int_equal(count_events(p, &result), 2);
    replay_close(p);
    check_line_error(SNAPSHOT(REGION("0x1000", "0x2000", "4096", "rw-p") ",7"),
                     "field \"regions[1].start\": expected an address");
    check_line_error(SNAPSHOT(REGION("0x1000", "0x2000", "4097", "rw-p")),
                     "field \"regions[0].size\": expected end - start");
    check_line_error(SNAPSHOT(REGION("0x1000", "0x2000", "4096", "rwp")),
                     "field \"regions[0].perms\": expected permissions like \"rw-p\"");
    check_line_error(SNAPSHOT(REGION("0x1000", "0x3000", "8192",
                                     "rw-p") "," REGION("0x2000", "0x3000", "4096", "rw-p")),
                     "this event cannot be");
}

static void test_large_lines(void **state)
{
    (void)state;
    size_t size = 20u << 20, head = sizeof PROCESS - 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'a', size);
    memcpy(text, PROCESS, head);
    check_error(text, size, 1, ":2: a line of more than 16 MiB is not an event");

    static const char exec[] = "{\"type\":\"exec\"," COMMON "\"path\":\"";
    memcpy(text + head, exec, sizeof exec - 1);
    strcpy(text + (4u << 20), "\"}\n");
    check_error(text, (4u << 20) + 3, 1, ":2: this event is larger than a record can be");
    free(text);
}

static void test_open_errors(void **state)
{
    (void)state;
    char why[256];
    assert_null(replay_open("/no/such\x1b/file", why, sizeof why));
    assert_string_equal(why, "/no/such\\x1b/file: No such file or directory");
    struct replay *p = replay_open("/", why, sizeof why);
    int result;
    assert_non_null(p);
    assert_int_equal(count_events(p, &result), 0);
    assert_int_equal(result, -EISDIR);
    assert_string_equal(replay_error(p), "/: Is a directory");
    replay_close(p);
    replay_close(NULL);
}

static void test_standard_input(void **state)
{
    (void)state;
    static const char trace[] = PROCESS FREE "x\n";
    int saved = dup(STDIN_FILENO), ends[2], result;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], trace, sizeof trace - 1), sizeof trace - 1);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    struct replay *p = replay_open("-", line, sizeof line);
    assert_non_null(p);
    assert_int_equal(count_events(p, &result), 2);
    assert_int_equal(strncmp(replay_error(p), "standard input:3: ", 18), 0);
    replay_close(p);
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(ends[0]);
}

/* A process and three other samples, some bytes changed or the end cut off: events or an error in
 * plain text, nothing else. */
static size_t random_trace(char *text, size_t room, uint64_t *seed)
{
    size_t size = 0;
    for (unsigned i = 0; i < 4; i++) {
        struct encode_context c = sample_context(i + 1);
        sample_record(&record, i ? random_number(seed) % SAMPLE_COUNT : SAMPLE_PROCESS);
        size += encode_record(text + size, room - size, &record.r, &c);
    }
    mutate_bytes(text, size, seed);
    return random_number(seed) % 4 ? size : random_number(seed) % size;
}

static void test_fuzz(void **state)
{
    (void)state;
    const int rounds = 20000;
    uint64_t seed = 20240903;
    int whole = 0, result;
    for (int i = 0; i < rounds; i++) {
        struct replay *p = open_trace(line, random_trace(line, sizeof line, &seed));
        int n = count_events(p, &result);
        assert_true(result < 0 || n > 0);
        assert_int_equal(result < 0, replay_error(p)[0] != '\0');
        for (const char *c = replay_error(p); *c; c++)
            assert_in_range(*c, 0x20, 0x7e);
        whole += result == 0;
        replay_close(p);
    }
    assert_in_range(whole, rounds / 100,
                    rounds); /* else the mutations are too wild to test anything */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_mutated_round_trip),
        cmocka_unit_test(test_escaped_bytes),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_blank_lines),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_not_a_trace),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_wrong_regions),
        cmocka_unit_test(test_large_lines),
        cmocka_unit_test(test_open_errors),
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_fuzz),
        cmocka_unit_test(test_allocs_both_ways),
        cmocka_unit_test(test_fast_way_is_taken),
    };
    return cmocka_run_group_tests(tests, create_trace, close_trace);
}
