#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sigabbrev_np */
#endif
#include "replay.h"
#include "record_check.h"
#include "shim/encode.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA 1
#define READ_SIZE (256u << 10)
#define LINE_MAX_SIZE (16u << 20) /* the longest line of the encoder has well below 1 MiB */
#define ERRNO_MAX 4095
#define SIGNAL_MAX 64

struct replay {
    char *name; /* of the file, for messages */
    int fd;
    int failed; /* negative errno once something went wrong */
    char error[512];

    /* the file: bytes [at, end) of `text` are read and not yet used */
    char *text;
    size_t at, end, size;
    bool eof;
    uint64_t line_number; /* of the line in hand, from 1 */

    /* the event in hand */
    const char *list; /* name of the array whose element `index` is looked at, else NULL */
    size_t index;
    bool quoted;    /* integers above INT64_MAX are strings of digits: see quote_integers() */
    bool bytes;     /* `\xNN` in strings becomes the byte */
    bool too_large; /* does not fit a record */
    size_t used;    /* bytes of `record` */
    uint64_t record[PMT_RECORD_MAX / sizeof(uint64_t)];
    uint64_t began_ns;
    struct frame_symbol symbols[PMT_MAX_FRAMES];
    bool has_symbols;

    unsigned word_size; /* of the process, 0 before the first process event */
    json_t *strings;    /* interned: an object whose keys they are */
};

/* Errors. The first one is kept; whoever comes later works on with zeros and is not heard. */

static void set_error(struct replay *p, int error, bool with_line, const char *detail)
{
    if (p->failed)
        return;
    p->failed = error;
    FILE *out = fmemopen(p->error, sizeof p->error - 1, "w");
    if (!out)
        return;
    text_escape(out, p->name, strlen(p->name), 200);
    if (with_line)
        fprintf(out, ":%" PRIu64, p->line_number);
    fputs(": ", out);
    text_escape(out, detail, strlen(detail), 0);
    fclose(out);
}

__attribute__((format(printf, 2, 3))) static void fail(struct replay *p, const char *format, ...)
{
    char detail[256];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    for (char *c = detail; *c; c++)
        if ((unsigned char)*c >= 0x80) /* parts of the trace, not to be trusted on a terminal */
            *c = '?';
    set_error(p, -EINVAL, true, detail);
}

/* `key`: of a field, in p->list of its element; NULL for the element itself. */
static void fail_field(struct replay *p, const char *key, const char *expected)
{
    const char *dot = key ? "." : "", *name = key ? key : "";
    if (p->list)
        fail(p, "field \"%s[%zu]%s%s\": expected %s", p->list, p->index, dot, name, expected);
    else
        fail(p, "field \"%s\": expected %s", name, expected);
}

/* Fields of an object. The value of `key` must be there and of the type, unless the name says
 * "find". */

static bool to_unsigned(const struct replay *p, const json_t *value, uint64_t *out)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = (uint64_t)json_integer_value(value);
        return true;
    }
    const char *text = p->quoted ? json_string_value(value) : NULL;
    if (!text || !*text || strspn(text, "0123456789") != strlen(text))
        return false;
    errno = 0;
    *out = strtoull(text, NULL, 10);
    return errno == 0;
}

static uint64_t get_unsigned(struct replay *p, const json_t *object, const char *key, uint64_t max)
{
    uint64_t value = 0;
    if (to_unsigned(p, json_object_get(object, key), &value) && value <= max)
        return value;
    char expected[48];
    snprintf(expected, sizeof expected, "an integer from 0 to %" PRIu64, max);
    fail_field(p, key, expected);
    return 0;
}

static int64_t get_signed(struct replay *p, const json_t *object, const char *key, int64_t min,
                          int64_t max)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value) && json_integer_value(value) >= min &&
        json_integer_value(value) <= max)
        return json_integer_value(value);
    char expected[64];
    snprintf(expected, sizeof expected, "an integer from %" PRId64 " to %" PRId64, min, max);
    fail_field(p, key, expected);
    return 0;
}

static uint64_t find_unsigned(struct replay *p, const json_t *object, const char *key, uint64_t max)
{
    return json_object_get(object, key) ? get_unsigned(p, object, key, max) : 0;
}

static bool get_bool(struct replay *p, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value))
        fail_field(p, key, "true or false");
    return json_is_true(value);
}

static uint64_t to_address(struct replay *p, const json_t *value, const char *key)
{
    const char *text = json_string_value(value);
    uint64_t address = 0;
    size_t digits =
        text && text[0] == '0' && text[1] == 'x' ? strspn(text + 2, "0123456789abcdef") : 0;
    if (digits == 0 || digits > 16 || json_string_length(value) != digits + 2) {
        fail_field(p, key, "an address like \"0x1000\"");
        return 0;
    }
    for (const char *c = text + 2; *c; c++)
        address = address << 4 | (unsigned)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
    return address;
}

static uint64_t get_address(struct replay *p, const json_t *object, const char *key)
{
    return to_address(p, json_object_get(object, key), key);
}

/* Exactly `count` addresses into `out`. */
static void get_addresses(struct replay *p, const json_t *object, const char *key, size_t count,
                          uint64_t *out)
{
    const json_t *array = json_object_get(object, key);
    if (!json_is_array(array) || json_array_size(array) != count) {
        char expected[48];
        snprintf(expected, sizeof expected, "an array of %zu addresses", count);
        return fail_field(p, key, expected);
    }
    p->list = key;
    for (p->index = 0; p->index < count; p->index++)
        out[p->index] = to_address(p, json_array_get(array, p->index), NULL);
    p->list = NULL;
}

/* The array `key`, NULL if it is none or too long. */
static const json_t *get_array(struct replay *p, const json_t *object, const char *key, size_t max)
{
    const json_t *array = json_object_get(object, key);
    if (json_is_array(array) && json_array_size(array) <= max)
        return array;
    char expected[48];
    snprintf(expected, sizeof expected, "an array of at most %zu elements", max);
    fail_field(p, key, expected);
    return NULL;
}

static const char *get_chars(struct replay *p, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text)
        fail_field(p, key, "a string");
    return text ? text : "";
}

/* The number of the name that is the value of `key`. */
static uint8_t get_name(struct replay *p, const json_t *object, const char *key,
                        const char *(*name_of)(unsigned), unsigned count)
{
    const char *text = get_chars(p, object, key);
    for (unsigned i = 1; i < count; i++)
        if (strcmp(text, name_of(i)) == 0)
            return (uint8_t)i;
    char expected[96];
    snprintf(expected, sizeof expected, "a known name, not \"%.60s\"", text);
    fail_field(p, key, expected);
    return 0;
}

static int get_errno(struct replay *p, const json_t *object)
{
    const char *text = get_chars(p, object, "errno");
    if (strspn(text, "0123456789") == strlen(text)) {
        unsigned long number = strtoul(text, NULL, 10);
        if (number >= 1 && number <= ERRNO_MAX)
            return (int)number;
    }
    for (int i = 1; i <= ERRNO_MAX; i++) {
        const char *name = encode_errno_name(i);
        if (name && strcmp(text, name) == 0)
            return i;
    }
    fail_field(p, "errno", "the name or the number of an error");
    return 0;
}

static int find_errno(struct replay *p, const json_t *object)
{
    return json_object_get(object, "errno") ? get_errno(p, object) : 0;
}

/* Whether `text` names the signal: "SIGSEGV", "SIGRTMIN+1", or "SIG35" by its number. */
static bool is_signal(const char *text, int number)
{
    char name[32];
    snprintf(name, sizeof name, "SIG%d", number);
    if (strcmp(text, name) == 0)
        return true;
    if (sigabbrev_np(number))
        snprintf(name, sizeof name, "SIG%s", sigabbrev_np(number));
    else if (number == SIGRTMIN)
        snprintf(name, sizeof name, "SIGRTMIN");
    else if (number > SIGRTMIN)
        snprintf(name, sizeof name, "SIGRTMIN+%d", number - SIGRTMIN);
    return strcmp(text, name) == 0;
}

static uint32_t get_signal(struct replay *p, const json_t *object)
{
    const char *text = get_chars(p, object, "signal");
    for (int i = 1; i <= SIGNAL_MAX; i++)
        if (is_signal(text, i))
            return (uint32_t)i;
    fail_field(p, "signal", "the name of a signal like \"SIGSEGV\"");
    return 0;
}

/* The record in hand. */

static void *append(struct replay *p, const void *bytes, size_t size)
{
    if (size > sizeof p->record - p->used) {
        p->too_large = true;
        return NULL;
    }
    void *at = (char *)p->record + p->used;
    if (bytes)
        memcpy(at, bytes, size);
    else
        memset(at, 0, size);
    p->used += size;
    return at;
}

static void append_padding(struct replay *p)
{
    append(p, NULL, pmt_align((uint32_t)p->used) - p->used);
}

/* The first struct of a record: always fits. */
static void *start_record(struct replay *p, enum pmt_record_type type, size_t size)
{
    p->used = 0;
    struct pmt_record *r = append(p, NULL, size);
    r->type = (uint8_t)type;
    return r;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether `\xNN` with the byte of an encoder, which are all above 0x7f, is at `s`. */
static bool is_escaped_byte(const char *s, size_t left)
{
    return left >= 4 && s[0] == '\\' && s[1] == 'x' && hex_digit(s[2]) >= 8 && hex_digit(s[3]) >= 0;
}

/* Returns the bytes appended, at most `max`: more and the event is too large. */
static size_t append_string(struct replay *p, const json_t *value, const char *key, size_t max)
{
    size_t size = json_string_length(value), start = p->used;
    const char *s = json_string_value(value);
    if (!s) {
        fail_field(p, key, "a string");
        return 0;
    }
    if (!p->bytes) {
        append(p, s, size);
    } else {
        for (size_t i = 0; i < size && !p->too_large; i++) {
            char byte = s[i];
            if (is_escaped_byte(s + i, size - i)) {
                byte = (char)(hex_digit(s[i + 2]) << 4 | hex_digit(s[i + 3]));
                i += 3;
            }
            append(p, &byte, 1);
        }
    }
    if (p->used - start > max)
        p->too_large = true;
    return p->too_large ? 0 : p->used - start;
}

/* The `within` of an event; its name is appended. `within` lies in the record. */
static void build_within(struct replay *p, const json_t *event, struct pmt_within *within)
{
    const json_t *object = json_object_get(event, "within");
    if (!object)
        return;
    if (!json_is_object(object))
        return fail_field(p, "within", "an object");
    within->call = get_name(p, object, "call", encode_call_name, PMT_CALL_COUNT);
    within->size = find_unsigned(p, object, "size", UINT64_MAX);
    const json_t *name = json_object_get(object, "name");
    if (name)
        within->name_size = (uint8_t)append_string(p, name, "name", UINT8_MAX);
    append_padding(p);
}

/* One builder for each type of event. */

static void build_thresholds(struct replay *p, const json_t *event, struct pmt_process *s)
{
    const json_t *object = json_object_get(event, "thresholds");
    if (json_is_null(object))
        return;
    if (!json_is_object(object))
        return fail_field(p, "thresholds", "an object or null");
    s->mmap_threshold = get_unsigned(p, object, "mmap", UINT64_MAX);
    s->mmap_threshold_max = get_unsigned(p, object, "mmap_max", UINT64_MAX);
    s->trim_threshold = get_unsigned(p, object, "trim", UINT64_MAX);
    s->dynamic_threshold = get_bool(p, object, "dynamic");
}

static void build_process_strings(struct replay *p, const json_t *event, struct pmt_process *s)
{
    s->exe_size = (uint16_t)append_string(p, json_object_get(event, "exe"), "exe", PMT_PATH_MAX);
    s->libc_size = (uint16_t)append_string(p, json_object_get(event, "libc"), "libc", PMT_PATH_MAX);
    const json_t *argv = get_array(p, event, "argv", PMT_RECORD_MAX);
    size_t start = p->used;
    p->list = "argv";
    for (p->index = 0; p->index < json_array_size(argv); p->index++) {
        const json_t *argument = json_array_get(argv, p->index);
        const char *text = json_string_value(argument);
        if (text && strlen(text) != json_string_length(argument))
            fail_field(p, NULL, "a string without NUL");
        append_string(p, argument, NULL, PMT_RECORD_MAX);
        append(p, "", 1);
    }
    p->list = NULL;
    s->argv_size = (uint32_t)(p->used - start);
}

static void build_process(struct replay *p, const json_t *event)
{
    struct pmt_process *s = start_record(p, PMT_RECORD_PROCESS, sizeof *s);
    uint64_t schema = get_unsigned(p, event, "schema", UINT64_MAX);
    if (schema != SCHEMA)
        return fail(p,
                    "schema %" PRIu64
                    " is not known here, only schema %d: this trace comes from another version",
                    schema, SCHEMA);
    uint64_t class = get_unsigned(p, event, "class", 64);
    if (class != 32 && class != 64)
        fail_field(p, "class", "32 or 64");
    s->word_size = (uint8_t)(class / 8);
    s->pid = (uint32_t)get_unsigned(p, event, "pid", UINT32_MAX);
    s->ppid = (uint32_t)get_unsigned(p, event, "ppid", UINT32_MAX);
    s->pie = get_bool(p, event, "pie");
    const char *snapshots = get_chars(p, event, "snapshots");
    s->query = strcmp(snapshots, "query") == 0;
    if (!s->query && strcmp(snapshots, "text") != 0)
        fail_field(p, "snapshots", "\"query\" or \"text\"");
    s->page_size = (uint32_t)get_unsigned(p, event, "page_size", UINT32_MAX);
    s->wall_time = get_unsigned(p, event, "wall_time_ns", UINT64_MAX);
    s->brk = get_address(p, event, "brk");
    s->stack_end = get_address(p, event, "stack_end");
    get_addresses(p, event, "tracer", 3, s->tracer);
    build_thresholds(p, event, s);
    build_process_strings(p, event, s);
    p->word_size = s->word_size;
}

/* The size word of glibc's chunk: the inverse of encode_placement() and encode_usable(). */
static uint64_t build_chunk(struct replay *p, const json_t *event)
{
    const char *placement = get_chars(p, event, "placement");
    uint64_t flags = 1, header = p->word_size; /* PREV_INUSE: so that it is not 0 */
    if (strcmp(placement, "unknown") == 0)
        return 0;
    if (strcmp(placement, "mmap") == 0) {
        flags = PMT_CHUNK_MMAPPED;
        header = 2 * p->word_size;
    } else if (strcmp(placement, "arena") == 0) {
        flags |= PMT_CHUNK_NON_MAIN_ARENA;
    } else if (strcmp(placement, "heap") != 0) {
        fail_field(p, "placement", "\"heap\", \"mmap\", \"arena\" or \"unknown\"");
    }
    uint64_t usable = find_unsigned(p, event, "usable", UINT64_MAX - PMT_CHUNK_FLAGS - header);
    if (usable == 0)
        return flags;
    if ((usable + header) & PMT_CHUNK_FLAGS)
        fail_field(p, "usable", "a size that a block of glibc can have");
    return (usable + header) | flags;
}

static void build_alloc(struct replay *p, const json_t *event)
{
    struct pmt_alloc *a = start_record(p, PMT_RECORD_ALLOC, sizeof *a);
    unsigned call = get_name(p, event, "call", encode_call_name, PMT_CALL_COUNT);
    a->r.call = (uint8_t)call;
    if (!json_is_null(json_object_get(event, "addr"))) {
        a->addr = get_address(p, event, "addr");
        a->chunk = build_chunk(p, event);
    }
    if (call == PMT_CALL_FREE) {
        p->used = PMT_ALLOC_FREE_SIZE;
        return;
    }
    a->size = get_unsigned(p, event, "size", UINT64_MAX);
    a->alignment = find_unsigned(p, event, "alignment", UINT64_MAX);
    a->error = (uint32_t)find_errno(p, event);
    if (call == PMT_CALL_REALLOC || call == PMT_CALL_REALLOCARRAY) {
        a->old_addr = get_address(p, event, "old_addr");
        a->began = p->began_ns = get_unsigned(p, event, "began_ns", UINT64_MAX);
    }
    if ((call == PMT_CALL_MALLOC || call == PMT_CALL_CALLOC) && !a->error && !a->alignment)
        p->used = PMT_ALLOC_MALLOC_SIZE;
}

static void build_kernel(struct replay *p, const json_t *event)
{
    struct pmt_kernel *k = start_record(p, PMT_RECORD_KERNEL, sizeof *k);
    k->r.call = get_name(p, event, "call", encode_call_name, PMT_CALL_COUNT);
    get_addresses(p, event, "args", encode_argument_count(k->r.call), k->args);
    if (k->r.call == PMT_CALL_BRK)
        k->old_brk = get_address(p, event, "old_brk");
    int error = find_errno(p, event);
    k->result = error ? -error : (int64_t)get_address(p, event, "result");
    build_within(p, event, &k->within);
}

static unsigned get_perms(struct replay *p, const json_t *object)
{
    const char *text = get_chars(p, object, "perms");
    for (unsigned perms = 0; perms < 2 * PMT_PERM_SHARED; perms++) {
        char each[5] = "";
        encode_perms(each, perms);
        if (strcmp(text, each) == 0)
            return perms;
    }
    fail_field(p, "perms", "permissions like \"rw-p\"");
    return 0;
}

static void build_region(struct replay *p, const json_t *object)
{
    struct pmt_region *g = append(p, NULL, sizeof *g);
    if (!g)
        return;
    g->start = get_address(p, object, "start");
    g->end = get_address(p, object, "end");
    if (get_unsigned(p, object, "size", UINT64_MAX) != g->end - g->start)
        fail_field(p, "size", "end - start");
    g->offset = get_unsigned(p, object, "offset", UINT64_MAX);
    g->inode = get_unsigned(p, object, "inode", UINT64_MAX);
    g->dev_major = (uint32_t)get_unsigned(p, object, "dev_major", UINT32_MAX);
    g->dev_minor = (uint32_t)get_unsigned(p, object, "dev_minor", UINT32_MAX);
    g->perms = (uint8_t)get_perms(p, object);
    g->path_size =
        (uint16_t)append_string(p, json_object_get(object, "path"), "path", PMT_PATH_MAX);
    append_padding(p);
}

static void build_snapshot(struct replay *p, const json_t *event)
{
    struct pmt_snapshot *s = start_record(p, PMT_RECORD_SNAPSHOT, sizeof *s);
    s->r.call = get_name(p, event, "reason", encode_reason_name, PMT_REASON_COUNT);
    s->lo = get_address(p, event, "lo");
    s->hi = get_address(p, event, "hi");
    s->flags |= get_bool(p, event, "whole") ? PMT_SNAPSHOT_WHOLE : 0;
    s->flags |= get_bool(p, event, "last") ? PMT_SNAPSHOT_LAST : 0;
    build_within(p, event, &s->within);
    const json_t *regions =
        get_array(p, event, "regions", PMT_RECORD_MAX / sizeof(struct pmt_region));
    p->list = "regions";
    for (p->index = 0; p->index < json_array_size(regions); p->index++)
        build_region(p, json_array_get(regions, p->index));
    p->list = NULL;
    s->regions = (uint32_t)json_array_size(regions);
}

/* A copy of the string `key` that lives as long as the replay; NULL if there is none. */
static const char *find_interned(struct replay *p, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text)
        return NULL;
    void *at = json_object_iter_at(p->strings, text);
    if (!at && json_object_set_new_nocheck(p->strings, text, json_null()) == 0)
        at = json_object_iter_at(p->strings, text);
    if (at)
        return json_object_iter_key(at);
    set_error(p, -ENOMEM, false, strerror(ENOMEM));
    return NULL;
}

static void build_symbol(struct replay *p, const json_t *frame, struct frame_symbol *out)
{
    out->function = find_interned(p, frame, "function");
    out->module = find_interned(p, frame, "module");
    out->file = find_interned(p, frame, "file");
    out->line = (unsigned)find_unsigned(p, frame, "line", UINT32_MAX);
    if (out->function || out->module || out->file || out->line)
        p->has_symbols = true;
}

static void build_stack(struct replay *p, const json_t *event)
{
    struct pmt_stack *s = start_record(p, PMT_RECORD_STACK, sizeof *s);
    s->r.stack_id = (uint32_t)get_unsigned(p, event, "id", UINT32_MAX);
    const json_t *frames = get_array(p, event, "frames", PMT_MAX_FRAMES);
    p->list = "frames";
    for (p->index = 0; p->index < json_array_size(frames); p->index++) {
        const json_t *frame = json_array_get(frames, p->index);
        uint64_t ip = get_address(p, frame, "ip");
        append(p, &ip, sizeof ip);
        build_symbol(p, frame, &p->symbols[p->index]);
    }
    p->list = NULL;
    s->frames = (uint32_t)json_array_size(frames);
}

static void build_mallopt(struct replay *p, const json_t *event)
{
    struct pmt_mallopt *m = start_record(p, PMT_RECORD_MALLOPT, sizeof *m);
    m->param = get_signed(p, event, "param", INT64_MIN, INT64_MAX);
    m->value = get_signed(p, event, "value", INT64_MIN, INT64_MAX);
    m->result = get_signed(p, event, "result", INT64_MIN, INT64_MAX);
}

static void build_exec(struct replay *p, const json_t *event)
{
    struct pmt_exec *x = start_record(p, PMT_RECORD_EXEC, sizeof *x);
    x->error = find_errno(p, event);
    x->path_size = (uint32_t)append_string(p, json_object_get(event, "path"), "path", PMT_PATH_MAX);
}

static void build_exit(struct replay *p, const json_t *event)
{
    struct pmt_exit *x = start_record(p, PMT_RECORD_EXIT, sizeof *x);
    if (json_is_null(json_object_get(event, "status")))
        x->signal = get_signal(p, event);
    else
        x->status = (int32_t)get_signed(p, event, "status", INT32_MIN, INT32_MAX);
}

static void build_loss(struct replay *p, const json_t *event)
{
    struct pmt_lost *l = start_record(p, PMT_RECORD_LOSS, sizeof *l);
    l->r.call = get_name(p, event, "reason", encode_loss_name, PMT_LOSS_COUNT);
    l->count = get_unsigned(p, event, "count", UINT64_MAX);
}

static const struct event_type {
    const char *name;
    void (*build)(struct replay *p, const json_t *event); /* NULL: derived */
} event_types[] = {
    {"alloc", build_alloc}, {"kernel", build_kernel},   {"snapshot", build_snapshot},
    {"stack", build_stack}, {"process", build_process}, {"mallopt", build_mallopt},
    {"exec", build_exec},   {"exit", build_exit},       {"loss", build_loss},
    {"region", NULL},
};

static const struct event_type *get_type(struct replay *p, const json_t *event)
{
    const char *name = get_chars(p, event, "type");
    for (size_t i = 0; i < sizeof event_types / sizeof *event_types; i++) {
        const struct event_type *type = &event_types[i];
        if (strcmp(name, type->name) != 0)
            continue;
        if (!p->word_size && type->build != build_process)
            fail(p, "a trace starts with a process event, this is \"%s\"", name);
        return type;
    }
    fail(p, "unknown type of event \"%.60s\"", name);
    return NULL;
}

static void finish_record(struct replay *p, const json_t *event, struct event *out)
{
    struct pmt_record *r = (struct pmt_record *)p->record;
    append_padding(p);
    *out = (struct event){.record = r, .began_ns = p->began_ns};
    out->t_ns = r->time = get_unsigned(p, event, "t_ns", UINT64_MAX);
    out->pid = (uint32_t)get_unsigned(p, event, "pid", UINT32_MAX);
    r->tid = (uint32_t)get_unsigned(p, event, "tid", UINT32_MAX);
    if (r->type != PMT_RECORD_STACK)
        r->stack_id = (uint32_t)find_unsigned(p, event, "stack_id", UINT32_MAX);
    if (p->has_symbols)
        out->symbols = p->symbols;
    r->units = (uint16_t)(p->used / PMT_RECORD_ALIGN);
    if (!p->failed && !record_valid(r, p->used))
        fail(p, "this event cannot be: sizes, addresses or names contradict each other");
}

/* Returns whether `out` was filled: not after an error, not for a derived event. */
static bool build_event(struct replay *p, const json_t *event, struct event *out)
{
    const struct event_type *type = get_type(p, event);
    if (p->failed || !type->build)
        return false;
    p->bytes = p->has_symbols = false;
    p->began_ns = 0;
    do {
        p->too_large = false;
        type->build(p, event);
        p->bytes = !p->bytes;
    } while (p->too_large && p->bytes && !p->failed);
    if (p->too_large)
        fail(p, "this event is larger than a record can be");
    if (!p->failed)
        finish_record(p, event, out);
    return !p->failed;
}

/* Lines. */

static int make_room(struct replay *p)
{
    if (p->at > 0) {
        memmove(p->text, p->text + p->at, p->end - p->at);
        p->end -= p->at;
        p->at = 0;
    }
    if (p->size - p->end >= READ_SIZE)
        return 0;
    if (p->size >= LINE_MAX_SIZE)
        return -EFBIG;
    size_t size = p->size ? 2 * p->size : 2 * READ_SIZE;
    char *text = realloc(p->text, size);
    if (!text)
        return -ENOMEM;
    p->text = text;
    p->size = size;
    return 0;
}

/* Reads more of the file behind what is there. Sets p->eof, returns 0 or -errno. */
static int read_more(struct replay *p)
{
    int error = make_room(p);
    if (error)
        return error;
    ssize_t n;
    do
        n = read(p->fd, p->text + p->end, p->size - p->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    p->eof = n == 0;
    p->end += (size_t)n;
    return 0;
}

/* The next line without its newline. Returns 1, 0 at the end of the file or -errno. */
static int next_line(struct replay *p, char **line, size_t *size)
{
    size_t searched = 0;
    char *newline = NULL;
    for (;;) {
        if (p->end - p->at > searched)
            newline = memchr(p->text + p->at + searched, '\n', p->end - p->at - searched);
        if (newline || p->eof)
            break;
        searched = p->end - p->at;
        int error = read_more(p);
        if (error)
            return error;
    }
    if (p->at == p->end)
        return 0;
    *line = p->text + p->at;
    *size = newline ? (size_t)(newline - *line) : p->end - p->at;
    p->at += *size + (newline != NULL);
    p->line_number++;
    return 1;
}

/* The shim pads with newlines; NULs are where it was killed before it could. */
static bool is_blank(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r' && line[i] != '\0')
            return false;
    return true;
}

/* Whether the line in hand was the last. Reads on: the line itself is gone then. */
static bool rest_is_blank(struct replay *p)
{
    uint64_t line_number = p->line_number;
    char *line = NULL;
    size_t size = 0;
    bool blank = true;
    while (blank && next_line(p, &line, &size) > 0)
        blank = is_blank(line, size);
    p->line_number = line_number;
    return blank;
}

/* Digits of a positive integer above INT64_MAX at line[at], 0 if there is none. */
static size_t large_integer(const char *line, size_t size, size_t at)
{
    static const char max[] = "9223372036854775807";
    size_t digits = 0, max_digits = sizeof max - 1;
    if (at > 0 && strchr("+-.0123456789", line[at - 1]))
        return 0;
    while (at + digits < size && line[at + digits] >= '0' && line[at + digits] <= '9')
        digits++;
    if (digits > max_digits || (digits == max_digits && memcmp(line + at, max, max_digits) > 0))
        return digits;
    return 0;
}

/* jansson's integers are signed: it refuses those above INT64_MAX (calloc of sizes that overflow).
 * A copy of the line with these as strings, which to_unsigned() understands. To be freed; NULL
 * without memory. */
static char *quote_integers(const char *line, size_t size, size_t *out_size)
{
    char *copy = malloc(size + size / 8 + 2); /* two quotes for 19 digits and more */
    size_t n = 0;
    bool in_string = false;
    for (size_t i = 0; copy && i < size;) {
        size_t digits = in_string ? 0 : large_integer(line, size, i);
        size_t length = digits ? digits : line[i] == '\\' && i + 1 < size ? 2 : 1;
        if (line[i] == '"')
            in_string = !in_string;
        if (digits)
            copy[n++] = '"';
        memcpy(copy + n, line + i, length);
        n += length;
        if (digits)
            copy[n++] = '"';
        i += length;
    }
    *out_size = n;
    return copy;
}

static json_t *parse(struct replay *p, const char *line, size_t size, json_error_t *error)
{
    size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    json_t *event = json_loadb(line, size, flags, error);
    p->quoted = !event && json_error_code(error) == json_error_numeric_overflow;
    if (!p->quoted)
        return event;
    char *copy = quote_integers(line, size, &size);
    if (copy)
        event = json_loadb(copy, size, flags, error);
    else
        set_error(p, -ENOMEM, false, strerror(ENOMEM));
    free(copy);
    return event;
}

/* Whether the line is the beginning of an event. The last line of a trace may have been cut off
 * anywhere, also where jansson has another name for it, as in the middle of `true`. */
static bool is_cut(struct replay *p, const char *line, size_t size, const json_error_t *error)
{
    if (line[0] != '{')
        return false;
    return json_error_code(error) == json_error_premature_end_of_input ||
           (line[size - 1] != '}' && rest_is_blank(p));
}

/* Returns as build_event(). */
static bool parse_event(struct replay *p, const char *line, size_t size, struct event *out)
{
    json_error_t error;
    json_t *event = parse(p, line, size, &error);
    bool built = false;
    if (json_is_object(event))
        built = build_event(p, event, out);
    else if (event)
        fail(p, "expected an event, a JSON object");
    else if (json_error_code(&error) == json_error_out_of_memory)
        set_error(p, -ENOMEM, false, strerror(ENOMEM));
    else if (is_cut(p, line, size, &error))
        fail(p, "ends in the middle of an event");
    else
        fail(p, "not JSON: %s, at byte %d", error.text, error.position);
    json_decref(event);
    return built;
}

int replay_next(struct replay *p, struct event *out)
{
    char *line = NULL;
    size_t size = 0;
    while (!p->failed) {
        int got = next_line(p, &line, &size);
        if (got == -EFBIG) {
            p->line_number++;
            fail(p, "a line of more than %u MiB is not an event", LINE_MAX_SIZE >> 20);
        } else if (got < 0) {
            set_error(p, got, false, strerror(-got));
        } else if (got == 0 && !p->word_size) {
            set_error(p, -EINVAL, false, "no event in it: not a trace, or nothing was traced");
        } else if (got == 0) {
            return 0;
        } else if (!is_blank(line, size)) {
            if (parse_event(p, line, size, out))
                return 1;
        }
    }
    return p->failed;
}

const char *replay_error(const struct replay *p)
{
    return p->error;
}

struct replay *replay_open(const char *path, char *why, size_t size)
{
    bool standard_input = strcmp(path, "-") == 0;
    struct replay *p = calloc(1, sizeof *p);
    if (!p)
        goto out_of_memory;
    p->fd = -1;
    p->name = strdup(standard_input ? "standard input" : path);
    p->strings = json_object();
    if (!p->name || !p->strings)
        goto out_of_memory;
    p->fd =
        standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (p->fd >= 0)
        return p;
    set_error(p, -errno, false, strerror(errno));
    snprintf(why, size, "%s", p->error);
    replay_close(p);
    return NULL;

out_of_memory:
    snprintf(why, size, "%s", strerror(ENOMEM));
    replay_close(p);
    return NULL;
}

void replay_close(struct replay *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    json_decref(p->strings);
    free(p->text);
    free(p->name);
    free(p);
}
