#include "runner/base/array.h"
#include "runner/replay/parts.h"
#include "schemas/mapcalls.h"
#include "schemas/names.h"
#include "schemas/record_check.h"
#include <inttypes.h>
#include <string.h>

#define SCHEMA 1

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
        replay_fail_field(p, key, "a string");
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
        return replay_fail_field(p, "within", "an object");
    within->call = replay_get_name(p, object, "call", names_call, PMT_CALL_COUNT);
    within->size = replay_find_unsigned(p, object, "size", UINT64_MAX);
    const json_t *name = json_object_get(object, "name");
    if (name)
        within->name_size = (uint8_t)append_string(p, name, "name", UINT8_MAX);
    append_padding(p);
}

/* ---- the word sizes of the images ---- */

static uint32_t find_image(struct replay *p, const json_t *event)
{
    if (!json_object_get(event, "image"))
        return 1;
    return (uint32_t)replay_get_unsigned(p, event, "image", UINT32_MAX);
}

static size_t place_of_image(const struct replay *p, uint32_t image)
{
    size_t at = p->image_count;
    while (at > 0 && p->images[at - 1].number != image)
        at--;
    return at; /* behind it; 0: not known */
}

static void set_word_size(struct replay *p, uint32_t image, unsigned word_size)
{
    size_t at = place_of_image(p, image);
    p->word_size = p->word_size ? p->word_size : word_size;
    struct replay_image *known =
        at ? &p->images[at - 1] : array_add(p->images, p->image_count, p->image_room);
    *known = (struct replay_image){image, word_size};
}

unsigned replay_word_size(const struct replay *p, uint32_t image)
{
    size_t at = place_of_image(p, image ? image : 1);
    return at ? p->images[at - 1].word_size : p->word_size;
}

static unsigned word_size(const struct replay *p, const json_t *event)
{
    return replay_word_size(p, (uint32_t)json_integer_value(json_object_get(event, "image")));
}

static void forget_image(struct replay *p, uint32_t image)
{
    size_t at = place_of_image(p, image);
    if (at)
        p->images[at - 1] = p->images[--p->image_count];
}

/* One builder for each type of event. */

static void build_thresholds(struct replay *p, const json_t *event, struct pmt_process *s)
{
    const json_t *object = json_object_get(event, "thresholds");
    if (json_is_null(object))
        return;
    if (!json_is_object(object))
        return replay_fail_field(p, "thresholds", "an object or null");
    s->mmap_threshold = replay_get_unsigned(p, object, "mmap", UINT64_MAX);
    s->mmap_threshold_max = replay_get_unsigned(p, object, "mmap_max", UINT64_MAX);
    s->trim_threshold = replay_get_unsigned(p, object, "trim", UINT64_MAX);
    s->dynamic_threshold = replay_get_bool(p, object, "dynamic");
}

static void build_process_strings(struct replay *p, const json_t *event, struct pmt_process *s)
{
    s->exe_size = (uint16_t)append_string(p, json_object_get(event, "exe"), "exe", PMT_PATH_MAX);
    s->libc_size = (uint16_t)append_string(p, json_object_get(event, "libc"), "libc", PMT_PATH_MAX);
    const json_t *argv = replay_get_array(p, event, "argv", PMT_RECORD_MAX);
    size_t start = p->used;
    p->list = "argv";
    for (p->index = 0; p->index < json_array_size(argv); p->index++) {
        const json_t *argument = json_array_get(argv, p->index);
        const char *text = json_string_value(argument);
        if (text && strlen(text) != json_string_length(argument))
            replay_fail_field(p, NULL, "a string without NUL");
        append_string(p, argument, NULL, PMT_RECORD_MAX);
        append(p, "", 1);
    }
    p->list = NULL;
    s->argv_size = (uint32_t)(p->used - start);
}

/* The number of the name that is the value of `key`; 0 where there is none: an older trace. */
static uint8_t find_name(struct replay *p, const json_t *object, const char *key,
                         const char *(*name_of)(unsigned), unsigned count)
{
    if (!json_object_get(object, key))
        return 0;
    const char *text = replay_get_chars(p, object, key);
    if (strcmp(text, name_of(0)) == 0)
        return 0;
    return replay_get_name(p, object, key, name_of, count);
}

static const char *linking_name(unsigned is_static)
{
    return is_static ? "static" : "dynamic";
}

static const char *allocator_calls_name(unsigned blind)
{
    return blind ? "unseen" : "seen";
}

static void build_origin(struct replay *p, const json_t *event, struct pmt_process *s)
{
    s->origin = find_name(p, event, "origin", names_origin, PMT_ORIGIN_EXEC + 1);
    s->backend = find_name(p, event, "backend", names_backend, PMT_BACKEND_PTRACE + 1);
    s->statically_linked = find_name(p, event, "linking", linking_name, 2);
    s->blind = find_name(p, event, "allocator_calls", allocator_calls_name, 2);
    if (s->origin == PMT_ORIGIN_FORK)
        s->fork_id = (uint32_t)replay_get_unsigned(p, event, "fork_id", UINT32_MAX);
}

static void build_process(struct replay *p, const json_t *event)
{
    struct pmt_process *s = start_record(p, PMT_RECORD_PROCESS, sizeof *s);
    uint64_t schema = replay_get_unsigned(p, event, "schema", UINT64_MAX);
    if (schema != SCHEMA)
        return replay_fail(
            p,
            "schema %" PRIu64
            " is not known here, only schema %d: this trace comes from another version",
            schema, SCHEMA);
    uint64_t class = replay_get_unsigned(p, event, "class", 64);
    if (class != 32 && class != 64)
        replay_fail_field(p, "class", "32 or 64");
    s->word_size = (uint8_t)(class / 8);
    build_origin(p, event, s);
    s->pid = (uint32_t)replay_get_unsigned(p, event, "pid", UINT32_MAX);
    s->ppid = (uint32_t)replay_get_unsigned(p, event, "ppid", UINT32_MAX);
    s->pie = replay_get_bool(p, event, "pie");
    const char *snapshots = replay_get_chars(p, event, "snapshots");
    s->query = strcmp(snapshots, "query") == 0;
    if (!s->query && strcmp(snapshots, "text") != 0)
        replay_fail_field(p, "snapshots", "\"query\" or \"text\"");
    s->page_size = (uint32_t)replay_get_unsigned(p, event, "page_size", UINT32_MAX);
    s->wall_time = replay_get_unsigned(p, event, "wall_time_ns", UINT64_MAX);
    s->brk = replay_get_address(p, event, "brk");
    s->stack_end = replay_get_address(p, event, "stack_end");
    replay_get_addresses(p, event, "tracer", 3, s->tracer);
    build_thresholds(p, event, s);
    build_process_strings(p, event, s);
    set_word_size(p, find_image(p, event), s->word_size);
}

/* The size word of glibc's chunk: the inverse of names_placement() and glibc_usable(). */
static uint64_t build_chunk(struct replay *p, const json_t *event)
{
    const char *placement = replay_get_chars(p, event, "placement");
    uint64_t flags = 1, header = word_size(p, event); /* PREV_INUSE: so that it is not 0 */
    if (strcmp(placement, "unknown") == 0)
        return 0;
    if (strcmp(placement, "mmap") == 0) {
        flags = PMT_CHUNK_MMAPPED;
        header *= 2;
    } else if (strcmp(placement, "arena") == 0) {
        flags |= PMT_CHUNK_NON_MAIN_ARENA;
    } else if (strcmp(placement, "heap") != 0) {
        replay_fail_field(p, "placement", "\"heap\", \"mmap\", \"arena\" or \"unknown\"");
    }
    uint64_t usable =
        replay_find_unsigned(p, event, "usable", UINT64_MAX - PMT_CHUNK_FLAGS - header);
    if (usable == 0)
        return flags;
    if ((usable + header) & PMT_CHUNK_FLAGS)
        replay_fail_field(p, "usable", "a size that a block of glibc can have");
    return (usable + header) | flags;
}

static void build_alloc(struct replay *p, const json_t *event)
{
    struct pmt_alloc *a = start_record(p, PMT_RECORD_ALLOC, sizeof *a);
    unsigned call = replay_get_name(p, event, "call", names_call, PMT_CALL_COUNT);
    a->r.call = (uint8_t)call;
    if (!json_is_null(json_object_get(event, "addr"))) {
        a->addr = replay_get_address(p, event, "addr");
        a->chunk = build_chunk(p, event);
    }
    if (call == PMT_CALL_FREE) {
        p->used = PMT_ALLOC_FREE_SIZE;
        return;
    }
    a->size = replay_get_unsigned(p, event, "size", UINT64_MAX);
    a->alignment = replay_find_unsigned(p, event, "alignment", UINT64_MAX);
    a->error = (uint32_t)replay_find_errno(p, event);
    if (call == PMT_CALL_REALLOC || call == PMT_CALL_REALLOCARRAY) {
        a->old_addr = replay_get_address(p, event, "old_addr");
        a->began = p->began_ns = replay_get_unsigned(p, event, "began_ns", UINT64_MAX);
    }
    if ((call == PMT_CALL_MALLOC || call == PMT_CALL_CALLOC) && !a->error && !a->alignment)
        p->used = PMT_ALLOC_MALLOC_SIZE;
}

static void build_kernel(struct replay *p, const json_t *event)
{
    struct pmt_kernel *k = start_record(p, PMT_RECORD_KERNEL, sizeof *k);
    k->r.call = replay_get_name(p, event, "call", names_call, PMT_CALL_COUNT);
    replay_get_addresses(p, event, "args", mapcalls_argument_count(k->r.call), k->args);
    if (k->r.call == PMT_CALL_BRK)
        k->old_brk = replay_get_address(p, event, "old_brk");
    int error = replay_find_errno(p, event);
    k->result = error ? -error : (int64_t)replay_get_address(p, event, "result");
    build_within(p, event, &k->within);
}

static unsigned get_perms(struct replay *p, const json_t *object)
{
    const char *text = replay_get_chars(p, object, "perms");
    for (unsigned perms = 0; perms < 2 * PMT_PERM_SHARED; perms++) {
        char each[5] = "";
        names_perms(each, perms);
        if (strcmp(text, each) == 0)
            return perms;
    }
    replay_fail_field(p, "perms", "permissions like \"rw-p\"");
    return 0;
}

static void build_region(struct replay *p, const json_t *object)
{
    struct pmt_region *g = append(p, NULL, sizeof *g);
    if (!g)
        return;
    g->start = replay_get_address(p, object, "start");
    g->end = replay_get_address(p, object, "end");
    if (replay_get_unsigned(p, object, "size", UINT64_MAX) != g->end - g->start)
        replay_fail_field(p, "size", "end - start");
    g->offset = replay_get_unsigned(p, object, "offset", UINT64_MAX);
    g->inode = replay_get_unsigned(p, object, "inode", UINT64_MAX);
    g->dev_major = (uint32_t)replay_get_unsigned(p, object, "dev_major", UINT32_MAX);
    g->dev_minor = (uint32_t)replay_get_unsigned(p, object, "dev_minor", UINT32_MAX);
    g->perms = (uint8_t)get_perms(p, object);
    g->path_size =
        (uint16_t)append_string(p, json_object_get(object, "path"), "path", PMT_PATH_MAX);
    append_padding(p);
}

static void build_snapshot(struct replay *p, const json_t *event)
{
    struct pmt_snapshot *s = start_record(p, PMT_RECORD_SNAPSHOT, sizeof *s);
    s->r.call = replay_get_name(p, event, "reason", names_reason, PMT_REASON_COUNT);
    s->lo = replay_get_address(p, event, "lo");
    s->hi = replay_get_address(p, event, "hi");
    s->flags |= replay_get_bool(p, event, "whole") ? PMT_SNAPSHOT_WHOLE : 0;
    s->flags |= replay_get_bool(p, event, "last") ? PMT_SNAPSHOT_LAST : 0;
    build_within(p, event, &s->within);
    const json_t *regions =
        replay_get_array(p, event, "regions", PMT_RECORD_MAX / sizeof(struct pmt_region));
    p->list = "regions";
    for (p->index = 0; p->index < json_array_size(regions); p->index++)
        build_region(p, json_array_get(regions, p->index));
    p->list = NULL;
    s->regions = (uint32_t)json_array_size(regions);
}

/* A copy of the string `key` that lives as long as the replay; NULL if there is none. */
static const char *find_interned(struct replay *p, const json_t *object, const char *key)
{
    return names_intern(&p->names, json_string_value(json_object_get(object, key)));
}

static struct symbol_place build_place(struct replay *p, const json_t *object)
{
    return (struct symbol_place){find_interned(p, object, "function"),
                                 find_interned(p, object, "file"),
                                 (unsigned)replay_find_unsigned(p, object, "line", UINT32_MAX)};
}

static void build_inlined(struct replay *p, const json_t *frame, struct frame_symbol *out)
{
    const json_t *places = replay_get_array(p, frame, "inlined_into", SYMBOL_MAX_INLINED);
    out->symbol.inlined = (unsigned)json_array_size(places);
    for (unsigned i = 0; i < out->symbol.inlined; i++) {
        const json_t *place = json_array_get(places, i);
        if (!json_is_object(place))
            replay_fail_field(p, "inlined_into", "an array of objects");
        p->inlined_into[p->index][i] = build_place(p, place);
    }
}

static void build_symbol(struct replay *p, const json_t *frame, struct frame_symbol *out)
{
    const struct symbol_place place = build_place(p, frame);
    out->module = find_interned(p, frame, "module");
    out->symbol = (struct symbol){.function = place.function,
                                  .file = place.file,
                                  .line = place.line,
                                  .inlined_into = p->inlined_into[p->index]};
    if (json_object_get(frame, "inlined_into"))
        build_inlined(p, frame, out);
    if (place.function || out->module || place.file || place.line)
        p->has_symbols = true;
}

static void build_stack(struct replay *p, const json_t *event)
{
    struct pmt_stack *s = start_record(p, PMT_RECORD_STACK, sizeof *s);
    s->r.stack_id = (uint32_t)replay_get_unsigned(p, event, "id", UINT32_MAX);
    const json_t *frames = replay_get_array(p, event, "frames", PMT_MAX_FRAMES);
    p->list = "frames";
    for (p->index = 0; p->index < json_array_size(frames); p->index++) {
        const json_t *frame = json_array_get(frames, p->index);
        uint64_t ip = replay_get_address(p, frame, "ip");
        append(p, &ip, sizeof ip);
        build_symbol(p, frame, &p->symbols[p->index]);
    }
    p->list = NULL;
    s->frames = (uint32_t)json_array_size(frames);
    s->cut = json_object_get(event, "cut") && replay_get_bool(p, event, "cut");
}

static void build_mallopt(struct replay *p, const json_t *event)
{
    struct pmt_mallopt *m = start_record(p, PMT_RECORD_MALLOPT, sizeof *m);
    m->param = replay_get_signed(p, event, "param", INT64_MIN, INT64_MAX);
    m->value = replay_get_signed(p, event, "value", INT64_MIN, INT64_MAX);
    m->result = replay_get_signed(p, event, "result", INT64_MIN, INT64_MAX);
}

static void build_exec(struct replay *p, const json_t *event)
{
    struct pmt_exec *x = start_record(p, PMT_RECORD_EXEC, sizeof *x);
    x->error = replay_find_errno(p, event);
    x->path_size = (uint32_t)append_string(p, json_object_get(event, "path"), "path", PMT_PATH_MAX);
}

static void build_thread(struct replay *p, const json_t *event)
{
    struct pmt_thread *t = start_record(p, PMT_RECORD_THREAD, sizeof *t);
    t->event = find_name(p, event, "event", names_thread_event, PMT_THREAD_END + 1);
    if (t->event != PMT_THREAD_START)
        return;
    t->creator = (uint32_t)replay_get_unsigned(p, event, "creator", UINT32_MAX);
    const json_t *stack = json_object_get(event, "stack");
    if (stack)
        t->stack = replay_get_address(p, stack, "address");
}

static void build_fork(struct replay *p, const json_t *event)
{
    struct pmt_fork *f = start_record(p, PMT_RECORD_FORK, sizeof *f);
    f->r.call = replay_get_name(p, event, "call", names_call, PMT_CALL_COUNT);
    f->fork_id = (uint32_t)replay_get_unsigned(p, event, "fork_id", UINT32_MAX);
}

static void build_walks(struct replay *p, const json_t *event, struct pmt_exit *x)
{
    static const char *const names[PMT_WALKS_COUNT] = {[PMT_WALKS_CHECKED] = "walks",
                                                       [PMT_WALKS_CUT] = "cut",
                                                       [PMT_WALKS_FELL_BACK] = "fell_back",
                                                       [PMT_WALKS_MISMATCHED] = "mismatches"};
    const json_t *stacks = json_object_get(event, "stacks");
    x->verified = stacks != NULL;
    for (unsigned i = 0; stacks && i < PMT_WALKS_COUNT; i++)
        x->walks[i] = (uint32_t)replay_get_unsigned(p, stacks, names[i], UINT32_MAX);
}

static void build_exit(struct replay *p, const json_t *event)
{
    struct pmt_exit *x = start_record(p, PMT_RECORD_EXIT, sizeof *x);
    build_walks(p, event, x);
    x->end = find_name(p, event, "end", names_end, PMT_END_DETACHED + 1);
    if (x->end != PMT_END_EXIT)
        return;
    if (json_is_null(json_object_get(event, "status")))
        x->signal = replay_get_signal(p, event);
    else
        x->status = (int32_t)replay_get_signed(p, event, "status", INT32_MIN, INT32_MAX);
}

static void build_loss(struct replay *p, const json_t *event)
{
    struct pmt_lost *l = start_record(p, PMT_RECORD_LOSS, sizeof *l);
    l->r.call = replay_get_name(p, event, "reason", names_loss, PMT_LOSS_COUNT);
    l->count = replay_get_unsigned(p, event, "count", UINT64_MAX);
}

static const struct event_type {
    const char *name;
    void (*build)(struct replay *p, const json_t *event); /* NULL: derived */
} event_types[] = {
    {"alloc", build_alloc},   {"kernel", build_kernel},   {"snapshot", build_snapshot},
    {"stack", build_stack},   {"process", build_process}, {"mallopt", build_mallopt},
    {"exec", build_exec},     {"exit", build_exit},       {"loss", build_loss},
    {"thread", build_thread}, {"fork", build_fork},       {"region", NULL},
    {"library", NULL},
};

static const struct event_type *get_type(struct replay *p, const json_t *event)
{
    const char *name = replay_get_chars(p, event, "type");
    for (size_t i = 0; i < sizeof event_types / sizeof *event_types; i++) {
        const struct event_type *type = &event_types[i];
        if (strcmp(name, type->name) != 0)
            continue;
        if (!p->word_size && type->build != build_process)
            replay_fail(p, "a trace starts with a process event, this is \"%s\"", name);
        return type;
    }
    replay_fail(p, "unknown type of event \"%.60s\"", name);
    return NULL;
}

static void finish_record(struct replay *p, const json_t *event, struct event *out)
{
    struct pmt_record *r = (struct pmt_record *)p->record;
    append_padding(p);
    *out = (struct event){.record = r, .began_ns = p->began_ns};
    out->t_ns = r->time = replay_get_unsigned(p, event, "t_ns", UINT64_MAX);
    out->image = find_image(p, event);
    out->pid = (uint32_t)replay_get_unsigned(p, event, "pid", UINT32_MAX);
    r->tid = (uint32_t)replay_get_unsigned(p, event, "tid", UINT32_MAX);
    if (r->type != PMT_RECORD_STACK)
        r->stack_id = (uint32_t)replay_find_unsigned(p, event, "stack_id", UINT32_MAX);
    if (r->type == PMT_RECORD_EXIT)
        forget_image(p, out->image);
    if (p->has_symbols)
        out->symbols = p->symbols;
    r->units = (uint16_t)(p->used / PMT_RECORD_ALIGN);
    if (!p->failed && !record_valid(r, p->used))
        replay_fail(p, "this event cannot be: sizes, addresses or names contradict each other");
}

bool replay_build_event(struct replay *p, const json_t *event, struct event *out)
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
        replay_fail(p, "this event is larger than a record can be");
    if (!p->failed)
        finish_record(p, event, out);
    return !p->failed;
}
