#include "runner/replay/build.h"
#include "runner/replay/build_map.h"
#include "runner/replay/build_process.h"
#include "runner/replay/build_stack.h"
#include "runner/replay/draft.h"
#include "runner/replay/failure.h"
#include "runner/replay/field.h"
#include "runner/replay/word_sizes.h"
#include "schemas/glibc.h"
#include "schemas/names.h"
#include "schemas/record_check.h"
#include <string.h>

/* The size word of glibc's chunk: the inverse of names_placement() and glibc_usable(). */
static uint64_t build_chunk(struct replay *p, const json_t *event)
{
    const char *placement = field_chars(p, event, "placement");
    uint64_t flags = 1; /* PREV_INUSE: so that it is not 0 */
    if (strcmp(placement, "unknown") == 0)
        return 0;
    if (strcmp(placement, "mmap") == 0)
        flags = PMT_CHUNK_MMAPPED;
    else if (strcmp(placement, "arena") == 0)
        flags |= PMT_CHUNK_NON_MAIN_ARENA;
    else if (strcmp(placement, "heap") != 0)
        failure_field(p, "placement", "\"heap\", \"mmap\", \"arena\" or \"unknown\"");
    uint64_t chunk, usable = field_find_unsigned(p, event, "usable", UINT64_MAX);
    if (!glibc_chunk_make(usable, flags, word_sizes_of(p, field_image(p, event)), &chunk))
        failure_field(p, "usable", "a size that a block of glibc can have");
    return chunk;
}

static void build_alloc(struct replay *p, const json_t *event)
{
    struct pmt_alloc *a = draft_start(p, PMT_RECORD_ALLOC, sizeof *a);
    unsigned call = field_name(p, event, "call", names_call, PMT_CALL_COUNT);
    a->r.call = (uint8_t)call;
    if (!json_is_null(json_object_get(event, "addr"))) {
        a->addr = field_address(p, event, "addr");
        a->chunk = build_chunk(p, event);
    }
    if (call == PMT_CALL_FREE) {
        p->used = PMT_ALLOC_FREE_SIZE;
        return;
    }
    a->size = field_unsigned(p, event, "size", UINT64_MAX);
    a->alignment = field_find_unsigned(p, event, "alignment", UINT64_MAX);
    a->error = (uint32_t)field_find_errno(p, event);
    if (call == PMT_CALL_REALLOC || call == PMT_CALL_REALLOCARRAY) {
        a->old_addr = field_address(p, event, "old_addr");
        a->began = p->began_ns = field_unsigned(p, event, "began_ns", UINT64_MAX);
    }
    if ((call == PMT_CALL_MALLOC || call == PMT_CALL_CALLOC) && !a->error && !a->alignment)
        p->used = PMT_ALLOC_MALLOC_SIZE;
}

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
