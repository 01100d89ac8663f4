/* schemas/encode.c, encode_record.c and names.c against jansson: what it writes is JSON and says
 * what the record says.
 *
 * With ENCODE_LINES=FILE in the environment it tests nothing, but writes the lines of all samples
 * and of many mutated records to that file, for tests/e2e/test_schema.py. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strerrorname_np */
#endif
#include "schemas/encode_record.h"
#include "schemas/names.h"
#include "schemas/record_check.h"
#include "tests/unit/records.h"
#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> /* needs the four above it */

#define LINE_SIZE (1u << 20)
#define COMMON "\"seq\":7,\"t_ns\":7000,\"pid\":4242,\"image\":1,\"tid\":4243,"

static char line[LINE_SIZE];
static union record record;

/* What the line of each sample must say, as line 7 of a trace. */
static const char *const expected[SAMPLE_COUNT] = {
    [SAMPLE_PROCESS] =
        "{\"type\":\"process\"," COMMON
        "\"schema\":1,\"origin\":\"start\",\"ppid\":77,\"exe\":\"/home/ann/map3\","
        "\"argv\":[\"./map3\",\"\",\"two words\"],\"class\":32,\"machine\":\"i386\","
        "\"linking\":\"dynamic\",\"pie\":true,\"libc\":\"glibc 2.36\",\"page_size\":4096,"
        "\"backend\":\"preload\",\"allocator_calls\":\"seen\",\"snapshots\":\"query\","
        "\"thresholds\":{\"mmap\":131072,"
        "\"mmap_max\":524288,\"trim\":131072,\"dynamic\":true},\"brk\":\"0x5655b000\","
        "\"stack_end\":\"0xffffdabc\",\"tracer\":[\"0xf7fc0000\",\"0xf7fc1000\",\"0xf7c00000\"],"
        "\"wall_time_ns\":1700000000123456789}",
    [SAMPLE_PROCESS_OTHER_LIBC] =
        "{\"type\":\"process\"," COMMON
        "\"schema\":1,\"origin\":\"start\",\"ppid\":77,\"exe\":\"/home/ann/map3\","
        "\"argv\":[\"./map3\",\"\",\"two words\"],\"class\":32,\"machine\":\"i386\","
        "\"linking\":\"dynamic\",\"pie\":true,\"libc\":\"glibc 2.36\",\"page_size\":4096,"
        "\"backend\":\"preload\",\"allocator_calls\":\"seen\",\"snapshots\":\"query\","
        "\"thresholds\":null,"
        "\"brk\":\"0x5655b000\",\"stack_end\":\"0xffffdabc\","
        "\"tracer\":[\"0xf7fc0000\",\"0xf7fc1000\",\"0xf7c00000\"],\"wall_time_ns\":"
        "1700000000123456789}",
    [SAMPLE_MALLOC] = "{\"type\":\"alloc\"," COMMON "\"call\":\"malloc\",\"size\":1024,"
                      "\"addr\":\"0x5655b1a0\",\"placement\":\"heap\",\"usable\":1028}",
    [SAMPLE_MALLOC_MMAP] = "{\"type\":\"alloc\"," COMMON "\"call\":\"malloc\",\"size\":160000,"
                           "\"addr\":\"0xf7d5e008\",\"placement\":\"mmap\",\"usable\":163832}",
    [SAMPLE_MALLOC_ARENA] = "{\"type\":\"alloc\"," COMMON "\"call\":\"malloc\",\"size\":1,"
                            "\"addr\":\"0xf6b00468\",\"placement\":\"arena\",\"usable\":12}",
    [SAMPLE_MALLOC_FAILED] =
        "{\"type\":\"alloc\"," COMMON "\"call\":\"malloc\",\"size\":4294967280,"
        "\"addr\":null,\"errno\":\"ENOMEM\"}",
    [SAMPLE_CALLOC_UNKNOWN] = "{\"type\":\"alloc\"," COMMON "\"call\":\"calloc\",\"size\":0,"
                              "\"addr\":\"0x5655b1a0\",\"placement\":\"unknown\"}",
    [SAMPLE_REALLOC] = "{\"type\":\"alloc\"," COMMON "\"call\":\"realloc\",\"size\":20,"
                       "\"addr\":\"0x5655b1a0\",\"old_addr\":\"0x5655b0a0\",\"began_ns\":6500,"
                       "\"placement\":\"heap\",\"usable\":20}",
    [SAMPLE_REALLOCARRAY_OVERFLOW] = NULL, /* an integer that jansson cannot: test_large_integer */
    [SAMPLE_FREE] = "{\"type\":\"alloc\"," COMMON "\"call\":\"free\",\"addr\":\"0x5655b1a0\","
                    "\"placement\":\"heap\",\"usable\":1028}",
    [SAMPLE_FREE_NULL] = "{\"type\":\"alloc\"," COMMON "\"call\":\"free\",\"addr\":null}",
    [SAMPLE_POSIX_MEMALIGN] =
        "{\"type\":\"alloc\"," COMMON "\"call\":\"posix_memalign\",\"size\":4096,"
        "\"addr\":\"0x5655c000\",\"alignment\":4096,\"placement\":\"heap\","
        "\"usable\":4100}",
    [SAMPLE_BRK] = "{\"type\":\"kernel\"," COMMON "\"call\":\"brk\",\"args\":[\"0x0\"],"
                   "\"old_brk\":\"0x5655b000\",\"result\":\"0x5657d000\","
                   "\"within\":{\"call\":\"malloc\",\"size\":1024},\"stack_id\":9}",
    [SAMPLE_MMAP2] =
        "{\"type\":\"kernel\"," COMMON "\"call\":\"mmap2\",\"args\":[\"0x0\",\"0x1000\","
        "\"0x2000\",\"0x3000\",\"0x4000\",\"0x5000\"],\"result\":\"0xf7d5e000\"}",
    [SAMPLE_MUNMAP_FAILED] = "{\"type\":\"kernel\"," COMMON "\"call\":\"munmap\","
                             "\"args\":[\"0x0\",\"0x1000\"],\"errno\":\"EINVAL\"}",
    [SAMPLE_MMAP_DLOPEN] =
        "{\"type\":\"kernel\"," COMMON "\"call\":\"mmap\",\"args\":[\"0x0\",\"0x1000\","
        "\"0x2000\",\"0x3000\",\"0x4000\",\"0x5000\"],\"errno\":\"133\","
        "\"within\":{\"call\":\"dlopen\",\"name\":\"libm.so.6\"}}",
    [SAMPLE_SNAPSHOT] =
        "{\"type\":\"snapshot\"," COMMON "\"reason\":\"kernel\",\"lo\":\"0x56557000\","
        "\"hi\":\"0x5657e000\",\"whole\":false,\"last\":true,"
        "\"within\":{\"call\":\"system\",\"name\":\"ls \\\"a\\\" \\\\xff\\n\"},\"regions\":["
        "{\"start\":\"0x56556000\",\"end\":\"0x56558000\",\"size\":8192,\"perms\":\"r-xp\","
        "\"offset\":4096,\"dev_major\":8,\"dev_minor\":1,\"inode\":1234567,"
        "\"path\":\"/home/ann/map3\"},"
        "{\"start\":\"0x56558000\",\"end\":\"0x56559000\",\"size\":4096,\"perms\":\"r--s\","
        "\"offset\":0,\"dev_major\":0,\"dev_minor\":0,\"inode\":0,\"path\":\"\"},"
        "{\"start\":\"0x5655b000\",\"end\":\"0x5657d000\",\"size\":139264,\"perms\":\"rw-p\","
        "\"offset\":0,\"dev_major\":0,\"dev_minor\":0,\"inode\":0,\"path\":\"[heap]\"}]}",
    [SAMPLE_SNAPSHOT_EMPTY] =
        "{\"type\":\"snapshot\"," COMMON "\"reason\":\"exit\",\"lo\":\"0x0\","
        "\"hi\":\"0xffffffffffffffff\",\"whole\":true,\"last\":false,\"regions\":[]}",
    [SAMPLE_STACK] = "{\"type\":\"stack\"," COMMON "\"id\":9,\"frames\":[{\"ip\":\"0x56556234\"},"
                     "{\"ip\":\"0x56556244\"},{\"ip\":\"0x56556254\"}],\"cut\":true}",
    [SAMPLE_STACK_EMPTY] = "{\"type\":\"stack\"," COMMON "\"id\":9,\"frames\":[]}",
    [SAMPLE_MALLOPT] = "{\"type\":\"mallopt\"," COMMON "\"param\":-3,\"value\":65536,\"result\":1}",
    [SAMPLE_EXEC] = "{\"type\":\"exec\"," COMMON "\"path\":\"/bin/ls\"}",
    [SAMPLE_EXEC_FAILED] =
        "{\"type\":\"exec\"," COMMON "\"path\":\"/bin/ls\",\"errno\":\"ENOENT\"}",
    [SAMPLE_EXIT] = "{\"type\":\"exit\"," COMMON "\"end\":\"exit\",\"status\":-1}",
    [SAMPLE_EXIT_SIGNAL] =
        "{\"type\":\"exit\"," COMMON "\"end\":\"exit\",\"status\":null,\"signal\":\"SIGSEGV\"}",
    [SAMPLE_LOSS] = "{\"type\":\"loss\"," COMMON "\"reason\":\"torn record\",\"count\":3}",
    [SAMPLE_EXIT_UNTRACED] = "{\"type\":\"exit\"," COMMON "\"end\":\"untraced\",\"status\":null}",
    [SAMPLE_THREAD_START] = "{\"type\":\"thread\"," COMMON "\"event\":\"start\",\"creator\":4242,"
                            "\"stack\":{\"address\":\"0xf6f11340\"},\"stack_id\":9}",
    [SAMPLE_THREAD_END] = "{\"type\":\"thread\"," COMMON "\"event\":\"end\"}",
    [SAMPLE_FATAL] =
        "{\"type\":\"fatal\"," COMMON
        "\"signal\":\"SIGSEGV\",\"code\":1,\"access\":\"write\",\"addr\":\"0x10\","
        "\"ip\":\"0x56556200\",\"sp\":\"0xffffd000\",\"stack_limit\":8388608,\"stack_id\":9}",
    [SAMPLE_FATAL_ABORT] =
        "{\"type\":\"fatal\"," COMMON
        "\"signal\":\"SIGABRT\",\"code\":-6,\"sender\":4242,\"ip\":\"0xf7fc0589\","
        "\"sp\":\"0xffffd000\",\"message\":\"bad!\\n\"}",
    [SAMPLE_UNFOLLOWED] =
        "{\"type\":\"unfollowed\"," COMMON "\"child\":4321,\"reason\":\"unreachable\"}",
    [SAMPLE_FORBIDDEN] = "{\"type\":\"forbidden\"," COMMON "\"what\":\"filter\",\"stack_id\":9}",
    [SAMPLE_STACK_USE] =
        "{\"type\":\"stack_use\"," COMMON "\"sp\":\"0xffbfd000\",\"limit\":8388608,"
        "\"calls\":3,\"bytes\":3000,\"each\":1000,\"stack_id\":9}",
    [SAMPLE_UNFOLLOWED_EXEC] = "{\"type\":\"unfollowed\"," COMMON
                               "\"child\":4321,\"reason\":\"program\",\"path\":\"/bin/static\"}",
    [SAMPLE_FORK] = "{\"type\":\"fork\"," COMMON "\"call\":\"fork\",\"fork_id\":3,\"stack_id\":9}",
    [SAMPLE_PROCESS_FORK] =
        "{\"type\":\"process\"," COMMON "\"schema\":1,\"origin\":\"fork\",\"ppid\":77,"
        "\"fork_id\":3,\"exe\":\"/home/ann/map3\","
        "\"argv\":[\"./map3\",\"\",\"two words\"],\"class\":32,\"machine\":\"i386\","
        "\"linking\":\"static\",\"pie\":true,\"libc\":\"glibc 2.36\",\"page_size\":4096,"
        "\"backend\":\"ptrace\",\"allocator_calls\":\"unseen\",\"snapshots\":\"query\","
        "\"thresholds\":null,\"brk\":\"0x5655b000\",\"stack_end\":\"0xffffdabc\","
        "\"tracer\":[\"0xf7fc0000\",\"0xf7fc1000\",\"0xf7c00000\"],\"wall_time_ns\":"
        "1700000000123456789}",
};

/* Parses one line; fails the test if it is not one line of JSON. The caller owns the result. */
static json_t *parse_line(const char *text, size_t size)
{
    json_error_t error;
    assert_true(size > 1 && text[size - 1] == '\n');
    assert_null(memchr(text, '\n', size - 1));
    json_t *event = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!event)
        fail_msg("%s in %.*s", error.text, (int)size, text);
    return event;
}

static size_t encode(const struct pmt_record *r, uint64_t seq)
{
    struct encode_context c = sample_context(seq);
    return encode_record(line, sizeof line, r, &c);
}

static void test_samples(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        if (!expected[i])
            continue;
        sample_record(&record, i);
        json_t *got = parse_line(line, encode(&record.r, 7));
        json_t *want = json_loads(expected[i], 0, NULL);
        assert_non_null(want);
        if (!json_equal(got, want))
            fail_msg("got %swant %s", line, expected[i]);
        json_decref(got);
        json_decref(want);
    }
}

static void test_large_integer(void **state)
{
    (void)state;
    sample_record(&record, SAMPLE_REALLOCARRAY_OVERFLOW);
    line[encode(&record.r, 7)] = '\0';
    assert_string_equal(line, "{\"type\":\"alloc\"," COMMON "\"call\":\"reallocarray\","
                              "\"size\":18446744065119617025,\"addr\":null,\"old_addr\":\"0x0\","
                              "\"began_ns\":6500,\"errno\":\"ENOMEM\"}\n");
}

static void test_no_such_type(void **state)
{
    (void)state;
    static const int types[] = {PMT_RECORD_NONE, PMT_RECORD_TYPE_COUNT, 255};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        record_start(&record, types[i], 0, sizeof record.lost);
        assert_int_equal(encode(&record.r, 7), 0);
    }
}

/* Into a buffer of every size up to the one that is needed; the sanitizer watches its end. */
static void check_every_size(const struct pmt_record *r, size_t step)
{
    struct encode_context c = sample_context(7);
    size_t full = encode(r, 7);
    assert_true(full > 0);
    for (size_t size = 0; size < full + 2; size += size < 600 || size + 600 > full ? 1 : step) {
        char *buffer = malloc(size ? size : 1);
        assert_non_null(buffer);
        assert_int_equal(encode_record(buffer, size, r, &c), size < full ? 0 : full);
        if (size >= full)
            assert_memory_equal(buffer, line, full);
        free(buffer);
    }
}

static void test_small_buffers(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        sample_record(&record, i);
        check_every_size(&record.r, 1);
    }
}

static void set_path(const char *bytes, size_t size)
{
    record_start(&record, PMT_RECORD_EXEC, 0, sizeof record.exec);
    record.exec.path_size = (uint32_t)size;
    record_append(&record, sizeof record.exec, bytes, size);
}

/* The largest lines: every byte takes six characters, or the record is all small regions. */
static void test_largest(void **state)
{
    (void)state;
    char path[PMT_PATH_MAX];
    memset(path, 1, sizeof path);
    set_path(path, sizeof path);
    assert_true(encode(&record.r, 7) > 6 * sizeof path);
    check_every_size(&record.r, 997);

    sample_record(&record, SAMPLE_PROCESS);
    size_t strings = sizeof record - sizeof record.process;
    memset(record.bytes + sizeof record.process, 1, strings);
    record.process.argv_size =
        (uint32_t)(strings - record.process.exe_size - record.process.libc_size);
    record.bytes[sizeof record - 1] = '\0';
    record.r.units = sizeof record / PMT_RECORD_ALIGN;
    assert_true(record_valid(&record.r, sizeof record));
    size_t size = encode(&record.r, UINT64_MAX);
    assert_true(size > 6 * (strings - 1));
    json_decref(parse_line(line, encode(&record.r, 7)));

    record_start(&record, PMT_RECORD_SNAPSHOT, PMT_REASON_START, sizeof record.snapshot);
    size_t used = sizeof record.snapshot;
    uint32_t n = 0;
    for (; used + sizeof(struct pmt_region) <= sizeof record; n++)
        used = sample_region(&record, used, n * 8192ull + (1ull << 60),
                             n * 8192ull + (1ull << 60) + 4096, n % 16, "");
    record.snapshot.regions = n;
    record.snapshot.hi = UINT64_MAX;
    assert_true(record_valid(&record.r, sizeof record));
    json_t *event = parse_line(line, encode(&record.r, 7));
    assert_int_equal(json_array_size(json_object_get(event, "regions")), n);
    json_decref(event);
}

/* `\xNN` of a byte above 0x7f back to the byte. Returns the new size. */
static size_t unescape(const char *text, size_t size, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        if (size - i >= 4 && text[i] == '\\' && text[i + 1] == 'x' &&
            sscanf(text + i + 2, "%2x", &byte) == 1 && byte >= 0x80) {
            out[n++] = (char)byte;
            i += 3;
        } else {
            out[n++] = text[i];
        }
    }
    return n;
}

/* Valid UTF-8 (jansson's opinion) comes back as it was, of the rest every byte can be found
 * again. */
static void check_string(const char *bytes, size_t size)
{
    char back[PMT_PATH_MAX];
    set_path(bytes, size);
    json_t *event = parse_line(line, encode(&record.r, 1));
    json_t *path = json_object_get(event, "path");
    const char *text = json_string_value(path);
    size_t text_size = json_string_length(path);
    json_t *valid = json_stringn(bytes, size);
    assert_non_null(text);
    if (valid) {
        assert_int_equal(text_size, size);
        assert_memory_equal(text, bytes, size);
    } else {
        assert_true(text_size > size);
        assert_int_equal(unescape(text, text_size, back), size);
        assert_memory_equal(back, bytes, size);
    }
    json_decref(valid);
    json_decref(event);
}

static void test_bytes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++)
        check_string((char[]){(char)i}, 1);
    for (unsigned i = 0; i < 65536; i++)
        check_string((char[]){(char)(i >> 8), (char)i}, 2);
    check_string("", 0);
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const strings[] = {
        "\xc3\xa1rea \xe2\x82\xac \xf0\x9f\x90\xa7", /* valid: 2, 3 and 4 bytes */
        "\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf",  /* valid: the edges of each range */
        "\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf", /* overlong */
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf", /* surrogates */
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xfe\xff", /* too large */
        "\x80",
        "a\xbfz",
        "\xc3",
        "\xe2\x82", /* truncated */
        "\xf0\x9f\x90",
        "\xe2\x82\x22",
        "\xe2\x82\xe2\x82\xac",
        "\xf0\x9f\xc3\xa1",
        "\x1b[31mred\x7f",
        "\\\"/\b\f\n\r\t\x01",
        "</script>",
        "\xe2\x80\xa8",
    };
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        check_string(strings[i], strlen(strings[i]));
}

/* A terminal that shows the line obeys those, too. */
static void test_controls(void **state)
{
    (void)state;
    char line[64];
    struct encoder e;
    encode_start(&e, line, sizeof line);
    encode_string(&e, "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0\x9b", 9);
    *e.at = '\0';
    assert_string_equal(line, "\"\\u0080\\u009b\\u009f\xc2\xa0\\\\x9b\"");
}

static void test_random_strings(void **state)
{
    (void)state;
    static const unsigned char pieces[] = {0,    'a',  '"',  '\n', 0x7f, 0x80, 0x8f,
                                           0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf,
                                           0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff};
    uint64_t seed = 20240901;
    char bytes[12];
    for (int n = 0; n < 200000; n++) {
        size_t size = random_number(&seed) % sizeof bytes;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (char)pieces[random_number(&seed) % sizeof pieces];
        check_string(bytes, size);
    }
}

static void check_number(uint64_t value)
{
    char text[96], want[96];
    struct encoder e;
    encode_start(&e, text, sizeof text);
    encode_unsigned(&e, value);
    encode_literal(&e, " ");
    encode_signed(&e, (int64_t)value);
    encode_literal(&e, " ");
    encode_address(&e, value);
    encode_raw(&e, "", 1);
    assert_false(e.full);
    snprintf(want, sizeof want, "%" PRIu64 " %" PRId64 " \"0x%" PRIx64 "\"", value, (int64_t)value,
             value);
    assert_string_equal(text, want);
}

static void test_numbers(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (unsigned bit = 0; bit < 64; bit++)
        for (int64_t near = -2; near <= 2; near++)
            check_number((UINT64_C(1) << bit) + (uint64_t)near);
    for (uint64_t ten = 1; ten; ten = ten > UINT64_MAX / 10 ? 0 : ten * 10)
        for (int64_t near = -2; near <= 2; near++)
            check_number(ten + (uint64_t)near);
    for (int i = 0; i < 100000; i++)
        check_number((uint64_t)random_number(&seed) << 32 >> random_number(&seed) % 64 |
                     random_number(&seed));
}

static void test_extreme_fields(void **state)
{
    (void)state;
    struct encode_context c = {.seq = UINT64_MAX,
                               .t_ns = UINT64_MAX,
                               .began_ns = UINT64_MAX,
                               .pid = UINT32_MAX,
                               .image = UINT32_MAX,
                               .word_size = 8};
    sample_alloc(&record, PMT_CALL_REALLOC, sizeof record.alloc, UINT64_MAX, UINT64_MAX & ~2ull,
                 UINT64_MAX);
    record.alloc.old_addr = record.alloc.alignment = UINT64_MAX;
    record.r.tid = record.r.stack_id = UINT32_MAX;
    line[encode_record(line, sizeof line, &record.r, &c)] = '\0';
    assert_string_equal(line,
                        "{\"type\":\"alloc\",\"seq\":18446744073709551615,"
                        "\"t_ns\":18446744073709551615,\"pid\":4294967295,\"image\":4294967295,"
                        "\"tid\":4294967295,"
                        "\"call\":\"realloc\",\"size\":18446744073709551615,"
                        "\"addr\":\"0xffffffffffffffff\",\"old_addr\":\"0xffffffffffffffff\","
                        "\"began_ns\":18446744073709551615,\"alignment\":18446744073709551615,"
                        "\"placement\":\"arena\",\"usable\":18446744073709551600,"
                        "\"stack_id\":4294967295}\n");
    sample_record(&record, SAMPLE_MALLOPT);
    record.mallopt.param = INT64_MIN;
    record.mallopt.value = INT64_MAX;
    json_t *event = parse_line(line, encode(&record.r, 1));
    assert_true(json_integer_value(json_object_get(event, "param")) == INT64_MIN);
    assert_true(json_integer_value(json_object_get(event, "value")) == INT64_MAX);
    json_decref(event);
    sample_record(&record, SAMPLE_MMAP2);
    record.kernel.result = -4096; /* the last that is an address */
    event = parse_line(line, encode(&record.r, 1));
    assert_string_equal(json_string_value(json_object_get(event, "result")), "0xfffffffffffff000");
    json_decref(event);
}

static void test_errno_names(void **state)
{
    (void)state;
    for (int i = -1; i < 5000; i++)
        if (names_errno(i))
            assert_string_equal(names_errno(i), strerrorname_np(i));
    assert_string_equal(names_errno(ENOMEM), "ENOMEM");
}

/* The lines for the schema: all samples, then mutated records that are still valid, but for those
 * of which the runner writes all fields. Returns an exit status. */
static int write_lines(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return EXIT_FAILURE;
    uint64_t seed = 42, seq = 1;
    for (int i = 0; i < 40000; i++) {
        sample_record(&record, i % SAMPLE_COUNT);
        size_t size = pmt_record_size(&record.r);
        if (i >= SAMPLE_COUNT)
            mutate_bytes(record.bytes, size, &seed);
        bool by_runner =
            record.r.type == PMT_RECORD_VARIABLE || record.r.type == PMT_RECORD_RESIDENT;
        if (!by_runner && record_valid(&record.r, size))
            fwrite(line, 1, encode(&record.r, seq++), file);
    }
    return fclose(file) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),        cmocka_unit_test(test_large_integer),
        cmocka_unit_test(test_no_such_type),   cmocka_unit_test(test_small_buffers),
        cmocka_unit_test(test_largest),        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_controls),       cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_random_strings), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_extreme_fields), cmocka_unit_test(test_errno_names),
    };
    const char *path = getenv("ENCODE_LINES");
    return path ? write_lines(path) : cmocka_run_group_tests(tests, NULL, NULL);
}
