#include "runner/replay/build.h"
#include "runner/replay/alloc_line.h"
#include "runner/replay/build_fatal.h"
#include "runner/replay/build_resident.h"
#include "runner/replay/build_stack_use.h"
#include "runner/replay/build_unseen.h"
#include "runner/replay/build_variable.h"
#include "runner/replay/draft.h"
#include "runner/replay/failure.h"
#include "runner/replay/field.h"
#include "runner/replay/word_sizes.h"
#include "schemas/mapcalls.h"
#include "schemas/names.h"
#include "schemas/record_check.h"
#include <inttypes.h>
#include <string.h>

static void build_mallopt(struct replay *p, const json_t *event)
{
    struct pmt_mallopt *m = draft_start(p, PMT_RECORD_MALLOPT, sizeof *m);
    m->param = field_signed(p, event, "param", INT64_MIN, INT64_MAX);
    m->value = field_signed(p, event, "value", INT64_MIN, INT64_MAX);
    m->result = field_signed(p, event, "result", INT64_MIN, INT64_MAX);
}

static void build_exec(struct replay *p, const json_t *event)
{
    struct pmt_exec *x = draft_start(p, PMT_RECORD_EXEC, sizeof *x);
    x->error = field_find_errno(p, event);
    x->path_size = (uint32_t)draft_string(p, json_object_get(event, "path"), "path", PMT_PATH_MAX);
}

static void build_thread(struct replay *p, const json_t *event)
{
    struct pmt_thread *t = draft_start(p, PMT_RECORD_THREAD, sizeof *t);
    t->event = field_find_name(p, event, "event", names_thread_event, PMT_THREAD_END + 1);
    if (t->event != PMT_THREAD_START)
        return;
    t->creator = (uint32_t)field_unsigned(p, event, "creator", UINT32_MAX);
    const json_t *stack = json_object_get(event, "stack");
    if (stack)
        t->stack = field_address(p, stack, "address");
}

static void build_fork(struct replay *p, const json_t *event)
{
    struct pmt_fork *f = draft_start(p, PMT_RECORD_FORK, sizeof *f);
    f->r.call = field_name(p, event, "call", names_call, PMT_CALL_COUNT);
    f->fork_id = (uint32_t)field_unsigned(p, event, "fork_id", UINT32_MAX);
}

static void build_forbidden(struct replay *p, const json_t *event)
{
    struct pmt_forbids *f = draft_start(p, PMT_RECORD_FORBIDDEN, sizeof *f);
    f->r.call = field_name(p, event, "what", names_forbidden, PMT_FORBIDDEN_COUNT);
}

static void build_unfollowed(struct replay *p, const json_t *event)
{
    struct pmt_unfollowed *u = draft_start(p, PMT_RECORD_UNFOLLOWED, sizeof *u);
    u->r.call = field_name(p, event, "reason", names_unfollowed, PMT_UNFOLLOWED_COUNT);
    u->child = (uint32_t)field_unsigned(p, event, "child", UINT32_MAX);
    const json_t *path = json_object_get(event, "path");
    if (path)
        u->path_size = (uint32_t)draft_string(p, path, "path", PMT_PATH_MAX);
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
        x->walks[i] = (uint32_t)field_unsigned(p, stacks, names[i], UINT32_MAX);
}

static void build_exit(struct replay *p, const json_t *event)
{
    struct pmt_exit *x = draft_start(p, PMT_RECORD_EXIT, sizeof *x);
    build_walks(p, event, x);
    x->end = field_find_name(p, event, "end", names_end, PMT_END_DETACHED + 1);
    if (x->end != PMT_END_EXIT)
        return;
    if (json_is_null(json_object_get(event, "status")))
        x->signal = field_signal(p, event);
    else
        x->status = (int32_t)field_signed(p, event, "status", INT32_MIN, INT32_MAX);
}

static void build_loss(struct replay *p, const json_t *event)
{
    struct pmt_lost *l = draft_start(p, PMT_RECORD_LOSS, sizeof *l);
    l->r.call = field_name(p, event, "reason", names_loss, PMT_LOSS_COUNT);
    l->count = field_unsigned(p, event, "count", UINT64_MAX);
}

/* The `within` of an event; its name is appended. `within` lies in the record. */
static void build_within(struct replay *p, const json_t *event, struct pmt_within *within)
{
    const json_t *object = json_object_get(event, "within");
    if (!object)
        return;
    if (!json_is_object(object))
        return failure_field(p, "within", "an object");
    within->call = field_name(p, object, "call", names_call, PMT_CALL_COUNT);
    within->size = field_find_unsigned(p, object, "size", UINT64_MAX);
    within->by_loader = json_object_get(object, "by_loader") && field_bool(p, object, "by_loader");
    const json_t *name = json_object_get(object, "name");
    if (name)
        within->name_size = (uint8_t)draft_string(p, name, "name", UINT8_MAX);
    draft_pad(p);
}

static void build_kernel(struct replay *p, const json_t *event)
{
    struct pmt_kernel *k = draft_start(p, PMT_RECORD_KERNEL, sizeof *k);
    k->r.call = field_name(p, event, "call", names_call, PMT_CALL_COUNT);
    field_addresses(p, event, "args", mapcalls_argument_count(k->r.call), k->args);
    if (k->r.call == PMT_CALL_BRK)
        k->old_brk = field_address(p, event, "old_brk");
    int error = field_find_errno(p, event);
    k->result = error ? -error : (int64_t)field_address(p, event, "result");
    build_within(p, event, &k->within);
}

static unsigned get_perms(struct replay *p, const json_t *object)
{
    const char *text = field_chars(p, object, "perms");
    for (unsigned perms = 0; perms < 2 * PMT_PERM_SHARED; perms++) {
        char each[5] = "";
        names_perms(each, perms);
        if (strcmp(text, each) == 0)
            return perms;
    }
    failure_field(p, "perms", "permissions like \"rw-p\"");
    return 0;
}

static void build_region(struct replay *p, const json_t *object)
{
    struct pmt_region *g = draft_append(p, NULL, sizeof *g);
    if (!g)
        return;
    g->start = field_address(p, object, "start");
    g->end = field_address(p, object, "end");
    if (field_unsigned(p, object, "size", UINT64_MAX) != g->end - g->start)
        failure_field(p, "size", "end - start");
    g->offset = field_unsigned(p, object, "offset", UINT64_MAX);
    g->inode = field_unsigned(p, object, "inode", UINT64_MAX);
    g->dev_major = (uint32_t)field_unsigned(p, object, "dev_major", UINT32_MAX);
    g->dev_minor = (uint32_t)field_unsigned(p, object, "dev_minor", UINT32_MAX);
    g->perms = (uint8_t)get_perms(p, object);
    g->path_size = (uint16_t)draft_string(p, json_object_get(object, "path"), "path", PMT_PATH_MAX);
    draft_pad(p);
}

static void build_snapshot(struct replay *p, const json_t *event)
{
    struct pmt_snapshot *s = draft_start(p, PMT_RECORD_SNAPSHOT, sizeof *s);
    s->r.call = field_name(p, event, "reason", names_reason, PMT_REASON_COUNT);
    s->lo = field_address(p, event, "lo");
    s->hi = field_address(p, event, "hi");
    s->flags |= field_bool(p, event, "whole") ? PMT_SNAPSHOT_WHOLE : 0;
    s->flags |= field_bool(p, event, "last") ? PMT_SNAPSHOT_LAST : 0;
    build_within(p, event, &s->within);
    const json_t *regions =
        field_array(p, event, "regions", PMT_RECORD_MAX / sizeof(struct pmt_region));
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
                                 (unsigned)field_find_unsigned(p, object, "line", UINT32_MAX)};
}

static void build_inlined(struct replay *p, const json_t *frame, struct frame_symbol *out)
{
    const json_t *places = field_array(p, frame, "inlined_into", SYMBOL_MAX_INLINED);
    out->symbol.inlined = (unsigned)json_array_size(places);
    for (unsigned i = 0; i < out->symbol.inlined; i++) {
        const json_t *place = json_array_get(places, i);
        if (!json_is_object(place))
            failure_field(p, "inlined_into", "an array of objects");
        p->inlined_into[p->index][i] = build_place(p, place);
    }
}

static void build_symbol(struct replay *p, const json_t *frame, struct frame_symbol *out)
{
    const struct symbol_place place = build_place(p, frame);
    out->module = find_interned(p, frame, "module");
    out->symbol =
        (struct symbol){place.function, place.file, place.line, 0, p->inlined_into[p->index]};
    if (json_object_get(frame, "inlined_into"))
        build_inlined(p, frame, out);
    if (place.function || out->module || place.file || place.line)
        p->has_symbols = true;
}

static void build_stack(struct replay *p, const json_t *event)
{
    struct pmt_stack *s = draft_start(p, PMT_RECORD_STACK, sizeof *s);
    s->r.stack_id = (uint32_t)field_unsigned(p, event, "id", UINT32_MAX);
    const json_t *frames = field_array(p, event, "frames", PMT_MAX_FRAMES);
    p->list = "frames";
    for (p->index = 0; p->index < json_array_size(frames); p->index++) {
        const json_t *frame = json_array_get(frames, p->index);
        uint64_t ip = field_address(p, frame, "ip");
        draft_append(p, &ip, sizeof ip);
        build_symbol(p, frame, &p->symbols[p->index]);
    }
    p->list = NULL;
    s->frames = (uint32_t)json_array_size(frames);
    s->cut = json_object_get(event, "cut") && field_bool(p, event, "cut");
}

static void build_thresholds(struct replay *p, const json_t *event, struct pmt_process *s)
{
    const json_t *object = json_object_get(event, "thresholds");
    if (json_is_null(object))
        return;
    if (!json_is_object(object))
        return failure_field(p, "thresholds", "an object or null");
    s->mmap_threshold = field_unsigned(p, object, "mmap", UINT64_MAX);
    s->mmap_threshold_max = field_unsigned(p, object, "mmap_max", UINT64_MAX);
    s->trim_threshold = field_unsigned(p, object, "trim", UINT64_MAX);
    s->dynamic_threshold = field_bool(p, object, "dynamic");
}

static void build_process_strings(struct replay *p, const json_t *event, struct pmt_process *s)
{
    s->exe_size = (uint16_t)draft_string(p, json_object_get(event, "exe"), "exe", PMT_PATH_MAX);
    s->libc_size = (uint16_t)draft_string(p, json_object_get(event, "libc"), "libc", PMT_PATH_MAX);
    const json_t *argv = field_array(p, event, "argv", PMT_RECORD_MAX);
    size_t start = p->used;
    p->list = "argv";
    for (p->index = 0; p->index < json_array_size(argv); p->index++) {
        const json_t *argument = json_array_get(argv, p->index);
        const char *text = json_string_value(argument);
        if (text && strlen(text) != json_string_length(argument))
            failure_field(p, NULL, "a string without NUL");
        draft_string(p, argument, NULL, PMT_RECORD_MAX);
        draft_append(p, "", 1);
    }
    p->list = NULL;
    s->argv_size = (uint32_t)(p->used - start);
    const json_t *allocator = json_object_get(event, "allocator");
    if (allocator)
        s->allocator_size = (uint16_t)draft_string(p, allocator, "allocator", PMT_PATH_MAX);
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
    s->origin = field_find_name(p, event, "origin", names_origin, PMT_ORIGIN_EXEC + 1);
    s->backend = field_find_name(p, event, "backend", names_backend, PMT_BACKEND_PTRACE + 1);
    s->statically_linked = field_find_name(p, event, "linking", linking_name, 2);
    s->blind = field_find_name(p, event, "allocator_calls", allocator_calls_name, 2);
    if (s->origin == PMT_ORIGIN_FORK)
        s->fork_id = (uint32_t)field_unsigned(p, event, "fork_id", UINT32_MAX);
}

static void build_process(struct replay *p, const json_t *event)
{
    struct pmt_process *s = draft_start(p, PMT_RECORD_PROCESS, sizeof *s);
    uint64_t schema = field_unsigned(p, event, "schema", UINT64_MAX);
    if (schema != 1)
        return failure_say(p,
                           "schema %" PRIu64 " is not known here, only schema 1: this trace "
                           "comes from another version",
                           schema);
    uint64_t class = field_unsigned(p, event, "class", 64);
    if (class != 32 && class != 64)
        failure_field(p, "class", "32 or 64");
    s->word_size = (uint8_t)(class / 8);
    build_origin(p, event, s);
    s->pid = (uint32_t)field_unsigned(p, event, "pid", UINT32_MAX);
    s->ppid = (uint32_t)field_unsigned(p, event, "ppid", UINT32_MAX);
    s->pie = field_bool(p, event, "pie");
    const char *snapshots = field_chars(p, event, "snapshots");
    s->query = strcmp(snapshots, "query") == 0;
    if (!s->query && strcmp(snapshots, "text") != 0)
        failure_field(p, "snapshots", "\"query\" or \"text\"");
    s->page_size = (uint32_t)field_unsigned(p, event, "page_size", UINT32_MAX);
    s->wall_time = field_unsigned(p, event, "wall_time_ns", UINT64_MAX);
    s->brk = field_address(p, event, "brk");
    s->stack_end = field_address(p, event, "stack_end");
    field_addresses(p, event, "tracer", 3, s->tracer);
    build_thresholds(p, event, s);
    build_process_strings(p, event, s);
    word_sizes_set(p, field_image(p, event), s->word_size);
}

static const struct event_type {
    const char *name;
    void (*build)(struct replay *p, const json_t *event); /* NULL: derived */
} event_types[] = {
    {"alloc", alloc_line_build},
    {"kernel", build_kernel},
    {"snapshot", build_snapshot},
    {"stack", build_stack},
    {"process", build_process},
    {"mallopt", build_mallopt},
    {"exec", build_exec},
    {"exit", build_exit},
    {"loss", build_loss},
    {"thread", build_thread},
    {"fork", build_fork},
    {"region", NULL},
    {"library", NULL},
    {"threshold", NULL},
    {"unfollowed", build_unfollowed},
    {"forbidden", build_forbidden},
    {"fatal", build_fatal},
    {"stack_use", build_stack_use},
    {"variable", build_variable},
    {"unseen", build_unseen},
    {"resident", build_resident},
};

static const struct event_type *get_type(struct replay *p, const json_t *event)
{
    const char *name = field_chars(p, event, "type");
    for (size_t i = 0; i < sizeof event_types / sizeof *event_types; i++) {
        const struct event_type *type = &event_types[i];
        if (strcmp(name, type->name) != 0)
            continue;
        if (!p->word_size && type->build != build_process)
            failure_say(p, "a trace starts with a process event, this is \"%s\"", name);
        return type;
    }
    failure_say(p, "unknown type of event \"%.60s\"", name);
    return NULL;
}

static void finish_record(struct replay *p, const json_t *event, struct event *out)
{
    struct pmt_record *r = (struct pmt_record *)p->record;
    draft_pad(p);
    *out = (struct event){.record = r, .began_ns = p->began_ns};
    out->t_ns = r->time = field_unsigned(p, event, "t_ns", UINT64_MAX);
    out->image = field_image(p, event);
    out->pid = (uint32_t)field_unsigned(p, event, "pid", UINT32_MAX);
    r->tid = (uint32_t)field_unsigned(p, event, "tid", UINT32_MAX);
    if (r->type != PMT_RECORD_STACK)
        r->stack_id = (uint32_t)field_find_unsigned(p, event, "stack_id", UINT32_MAX);
    if (r->type == PMT_RECORD_EXIT)
        word_sizes_forget(p, out->image);
    if (p->has_symbols)
        out->symbols = p->symbols;
    r->units = (uint16_t)(p->used / PMT_RECORD_ALIGN);
    if (!p->failed && !record_valid(r, p->used))
        failure_say(p, "this event cannot be: sizes, addresses or names contradict each other");
}

bool build_event(struct replay *p, const json_t *event, struct event *out)
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
        failure_say(p, "this event is larger than a record can be");
    if (!p->failed)
        finish_record(p, event, out);
    return !p->failed;
}
