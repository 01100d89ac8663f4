/* Every event as one line of JSON: schemas/event.schema.json. */
#include "runner/base/memory.h"
#include "runner/base/translate.h"
#include "runner/model/last_words.h"
#include "runner/views/caller.h"
#include "runner/views/json_alloc.h"
#include "runner/views/json_exit.h"
#include "runner/views/json_reason.h"
#include "runner/views/json_resident.h"
#include "runner/views/json_variable.h"
#include "runner/views/views.h"
#include "runner/views/why.h"
#include "schemas/encode_record.h"
#include "schemas/names.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

#define LINE_SIZE (2u << 20)
#define FRAME_SIZE 64u          /* bytes of a frame without names, and some */
#define WRITE_SIZE (256u << 10) /* so much at a time */

struct json {
    struct view view;
    struct output output;
    char *lines; /* whole ones, not yet written, and room for another */
    size_t used;
    const struct model *model; /* while an event is written */
    struct json_alloc *alloc;
    uint64_t began_ns; /* of the event */
};

static void alloc_extra(struct encoder *e, void *arg, const struct pmt_alloc *alloc)
{
    const struct json *j = arg;
    json_alloc(j->alloc, e, j->model, alloc, j->began_ns);
}

static void describe(struct encoder *e, const struct region *r)
{
    encode_key_chars(e, ",\"kind\":", kind_name(r->kind));
    if (r->kind == KIND_THREAD_STACK && r->tid)
        encode_key_unsigned(e, ",\"tid\":", r->tid);
    encode_chars(e, r->tracer ? ",\"owner\":\"tracer\"" : ",\"owner\":\"program\"");
}

static void region_extra(struct encoder *e, void *arg, const struct pmt_region *raw,
                         const char *path)
{
    (void)path;
    const struct json *j = arg;
    const struct region *r = regions_find(&j->model->image->map, raw->start);
    if (r)
        describe(e, r);
}

static void inlined_into(struct encoder *e, const struct symbol *s)
{
    for (unsigned i = 0; i < s->inlined; i++) {
        const struct symbol_place *into = &s->inlined_into[i];
        encode_chars(e, i ? ",{" : ",\"inlined_into\":[{");
        encode_key_chars(e, "\"function\":", into->function ? into->function : "");
        if (into->file)
            encode_key_chars(e, ",\"file\":", into->file);
        if (into->line)
            encode_key_unsigned(e, ",\"line\":", into->line);
        encode_literal(e, "}");
    }
    if (s->inlined)
        encode_literal(e, "]");
}

static void names_of_frame(struct encoder *e, const char *module, const struct symbol *s)
{
    if (s->function)
        encode_key_chars(e, ",\"function\":", s->function);
    if (module)
        encode_key_chars(e, ",\"module\":", module);
    if (s->file)
        encode_key_chars(e, ",\"file\":", s->file);
    if (s->line)
        encode_key_unsigned(e, ",\"line\":", s->line);
    inlined_into(e, s);
}

/* Names can be of any length: where the line has no room for them they are left out, but never the
 * frames behind. */
static void frame_extra(struct encoder *e, void *arg, const struct pmt_stack *record,
                        uint32_t index)
{
    const struct json *j = arg;
    const struct stacks *stacks = &j->model->image->stacks;
    const struct stack *stack = stacks_find(stacks, record->r.stack_id);
    if (!stack || index >= stack->count)
        return;
    struct encoder before = *e;
    size_t others = (size_t)(record->frames - index) * FRAME_SIZE;
    size_t room = (size_t)(e->end - e->at);
    e->end -= others < room ? others : room;
    names_of_frame(e, stack->frames[index].module,
                   stacks_symbol(stacks, &stack->frames[index], false));
    if (e->full)
        *e = before;
    else
        e->end = before.end;
}

static void thread_extra(struct encoder *e, void *arg, const struct pmt_thread *t)
{
    const struct json *j = arg;
    const struct region *r = regions_find(&j->model->image->map, t->stack);
    if (!r)
        return;
    encode_key_address(e, ",\"start\":", r->raw.start);
    encode_key_address(e, ",\"end\":", r->raw.end);
}

static void region(struct encoder *e, const struct region *r)
{
    if (!r)
        return encode_literal(e, "null");
    encode_record_region(e, &r->raw, r->path);
    describe(e, r);
    encode_literal(e, "}");
}

static void cause(struct encoder *e, const struct model *m, const struct cause *c)
{
    char caller[1024];
    encode_key_chars(e, ",\"cause\":{\"call\":", cause_name(c));
    if (call_allocates(c->code) && c->code != PMT_CALL_FREE)
        encode_key_unsigned(e, ",\"size\":", c->size);
    if (c->name[0])
        encode_key_chars(e, ",\"name\":", c->name);
    if (c->seq)
        encode_key_unsigned(e, ",\"seq\":", c->seq);
    if (c->kernel)
        encode_key_chars(e, ",\"kernel\":", names_call(c->kernel));
    if (caller_text(m, c->stack_id, caller, sizeof caller))
        encode_key_chars(e, ",\"caller\":", caller);
    if (c->stack_id)
        encode_key_unsigned(e, ",\"stack_id\":", c->stack_id);
    encode_literal(e, "}");
}

static void key_caller(struct encoder *e, const struct model *m, const char *key, uint32_t stack_id)
{
    char caller[1024];
    if (caller_text(m, stack_id, caller, sizeof caller))
        encode_key_chars(e, key, caller);
}

static void freed_block(struct encoder *e, const struct model *m, const char *key,
                        const struct freed_block *freed)
{
    encode_key_address(e, key, freed->addr);
    encode_key_unsigned(e, ",\"size\":", freed->size);
    key_caller(e, m, ",\"caller\":", freed->made_by);
    encode_key_unsigned(e, ",\"freed_ns\":", freed->t_ns);
    key_caller(e, m, ",\"freed_by\":", freed->freed_by);
    encode_literal(e, "}");
}

static void block_of_place(struct encoder *e, const struct model *m, const struct place *p)
{
    if (p->grave && p->grave->block.addr)
        return freed_block(e, m, ",\"block\":{\"addr\":", &p->grave->block);
    if (!p->block)
        return;
    encode_key_address(e, ",\"block\":{\"addr\":", p->block->addr);
    encode_key_unsigned(e, ",\"size\":", p->block->size);
    key_caller(e, m, ",\"caller\":", p->block->stack_id);
    encode_literal(e, "}");
}

static void fatal_extra(struct encoder *e, void *arg, const struct pmt_fatal *f)
{
    const struct model *m = ((const struct json *)arg)->model;
    struct place p = last_words_place(m->image, f);
    const struct freed_block *before = last_words_freed_before(m->image, f);
    if (before)
        freed_block(e, m, ",\"freed_before\":{\"addr\":", before);
    if (p.kind == PLACE_NONE)
        return;
    encode_key_chars(e, ",\"place\":{\"is\":", place_name(p.kind));
    if (p.kind != PLACE_NOWHERE)
        encode_key_unsigned(e, ",\"distance\":", p.distance);
    if (p.region) {
        encode_literal(e, ",\"region\":");
        region(e, p.region);
    }
    if (p.grave) {
        encode_key_unsigned(e, ",\"removed_ns\":", p.grave->t_ns);
        cause(e, m, &p.grave->cause);
    }
    block_of_place(e, m, &p);
    encode_literal(e, "}");
}

static void on_flush(struct view *view)
{
    struct json *j = (struct json *)view;
    output_write(&j->output, j->lines, j->used);
    j->used = 0;
}

/* A line of `size` bytes stands behind the others; 0: it had no room. */
static void add_line(struct json *j, size_t size)
{
    if (size == 0 && !j->output.error)
        j->output.error = -EMSGSIZE;
    j->used += size;
    if (j->used >= WRITE_SIZE)
        on_flush(&j->view);
}

static void exit_extra(struct encoder *e, void *arg, const struct pmt_exit *x)
{
    const struct json *j = arg;
    json_exit(e, j->model, x);
}

static void variable(struct encoder *e, void *arg, const struct pmt_variable *v)
{
    json_variable(e, ((const struct json *)arg)->model, v);
}

static void resident(struct encoder *e, void *arg, const struct pmt_resident *r)
{
    json_resident(e, ((const struct json *)arg)->model, r);
}

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     unsigned changes)
{
    (void)changes;
    struct json *j = (struct json *)view;
    struct encode_context context = {.seq = m->seq,
                                     .t_ns = event->t_ns,
                                     .began_ns = event->began_ns,
                                     .pid = event->pid,
                                     .image = m->image->number,
                                     .word_size = m->image->word_size,
                                     .region_extra = region_extra,
                                     .alloc_extra = alloc_extra,
                                     .frame_extra = frame_extra,
                                     .thread_extra = thread_extra,
                                     .fatal_extra = fatal_extra,
                                     .exit_extra = exit_extra,
                                     .variable = variable,
                                     .resident = resident,
                                     .arg = j};
    j->model = m;
    j->began_ns = event->began_ns;
    if (event->record->type == PMT_RECORD_SNAPSHOT)
        json_alloc_map_changes(j->alloc);
    add_line(j, encode_record(j->lines + j->used, LINE_SIZE, event->record, &context));
}

/* What all derived events begin with. */
static void start_derived(struct encoder *e, struct json *j, const struct model *m,
                          const char *type, uint64_t t_ns, uint32_t tid)
{
    encode_start(e, j->lines + j->used, LINE_SIZE);
    encode_key_chars(e, "{\"type\":", type);
    encode_key_unsigned(e, ",\"seq\":", m->seq);
    encode_key_unsigned(e, ",\"t_ns\":", t_ns);
    encode_key_unsigned(e, ",\"pid\":", m->image->pid);
    encode_key_unsigned(e, ",\"image\":", m->image->number);
    encode_key_unsigned(e, ",\"tid\":", tid);
}

static void regions(struct encoder *e, const char *name, const struct region_list *list)
{
    encode_chars(e, name);
    for (size_t i = 0; i < list->count; i++) {
        encode_chars(e, i ? "," : "[");
        region(e, list->items[i]);
    }
    encode_literal(e, "]");
}

static void on_change(struct view *view, const struct model *m, const struct change *change)
{
    struct json *j = (struct json *)view;
    struct encoder e;
    char why[256];
    start_derived(&e, j, m, "region", change->t_ns, change->tid);
    encode_key_chars(&e, ",\"change\":", change_name(change->type));
    encode_literal(&e, ",\"delta\":");
    encode_signed(&e, change->delta);
    encode_literal(&e, ",\"before\":");
    region(&e, change->before);
    encode_literal(&e, ",\"after\":");
    region(&e, change->after);
    if (change->parts.count)
        regions(&e, ",\"parts\":", &change->parts);
    if (change->library)
        encode_key_chars(&e, ",\"library\":", change->library);
    cause(&e, m, &change->cause);
    translate_hold(true);
    why_text(change, why, sizeof why);
    translate_hold(false);
    json_reason(&e, &change->reason);
    encode_key_chars(&e, ",\"why\":", why);
    encode_literal(&e, "}\n");
    add_line(j, e.full ? 0 : (size_t)(e.at - j->lines) - j->used);
}

static void on_library(struct view *view, const struct model *m, const struct library *library)
{
    struct json *j = (struct json *)view;
    struct encoder e;
    start_derived(&e, j, m, "library", library->change->t_ns, library->change->tid);
    encode_key_chars(&e, ",\"change\":", library->loaded ? "loaded" : "unloaded");
    encode_key_chars(&e, ",\"path\":", library->path);
    encode_key_chars(&e, ",\"name\":", library_name(library));
    regions(&e, ",\"regions\":", &library->regions);
    encode_key_unsigned(&e, ",\"bytes\":", library_size(library));
    cause(&e, m, &library->change->cause);
    encode_literal(&e, "}\n");
    add_line(j, e.full ? 0 : (size_t)(e.at - j->lines) - j->used);
}

static void on_threshold(struct view *view, const struct model *m,
                         const struct threshold *threshold)
{
    struct json *j = (struct json *)view;
    struct encoder e;
    start_derived(&e, j, m, "threshold", threshold->t_ns, threshold->tid);
    encode_key_unsigned(&e, ",\"mmap_threshold\":", m->image->thresholds.mmap);
    encode_key_unsigned(&e, ",\"trim_threshold\":", m->image->thresholds.trim);
    encode_key_chars(
        &e, ",\"cause\":{\"call\":", threshold->call ? names_call(threshold->call) : "mallopt");
    encode_key_unsigned(&e, ",\"seq\":", threshold->seq);
    key_caller(&e, m, ",\"caller\":", threshold->stack_id);
    if (threshold->stack_id)
        encode_key_unsigned(&e, ",\"stack_id\":", threshold->stack_id);
    encode_literal(&e, "}}\n");
    add_line(j, e.full ? 0 : (size_t)(e.at - j->lines) - j->used);
}

static int on_close(struct view *view, const struct model *m)
{
    (void)m;
    struct json *j = (struct json *)view;
    on_flush(view);
    int error = output_close(&j->output);
    memory_put(j->lines);
    memory_put(j->alloc);
    memory_put(j);
    return error;
}

struct view *json_view_new(const struct output *output)
{
    struct json *j = memory_get(sizeof *j);
    j->view = (struct view){.event = on_event,
                            .change = on_change,
                            .library = on_library,
                            .threshold = on_threshold,
                            .flush = on_flush,
                            .close = on_close};
    j->output = *output;
    j->lines = memory_get(WRITE_SIZE + LINE_SIZE);
    j->alloc = json_alloc_new();
    return &j->view;
}
