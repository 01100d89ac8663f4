#include "runner/views/json_view.h"
#include "runner/base/memory.h"
#include "runner/model/totals.h"
#include "runner/views/caller.h"
#include "runner/views/why.h"
#include "schemas/encode_record.h"
#include "schemas/names.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
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
};

static void key(struct encoder *e, const char *name, const char *text)
{
    encode_chars(e, name);
    encode_string(e, text, strlen(text));
}

static void number(struct encoder *e, const char *name, uint64_t value)
{
    encode_chars(e, name);
    encode_unsigned(e, value);
}

static void describe(struct encoder *e, const struct region *r)
{
    key(e, ",\"kind\":", kind_name(r->kind));
    if (r->kind == KIND_THREAD_STACK && r->tid)
        number(e, ",\"tid\":", r->tid);
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
        key(e, "\"function\":", into->function ? into->function : "");
        if (into->file)
            key(e, ",\"file\":", into->file);
        if (into->line)
            number(e, ",\"line\":", into->line);
        encode_literal(e, "}");
    }
    if (s->inlined)
        encode_literal(e, "]");
}

static void names_of_frame(struct encoder *e, const char *module, const struct symbol *s)
{
    if (s->function)
        key(e, ",\"function\":", s->function);
    if (module)
        key(e, ",\"module\":", module);
    if (s->file)
        key(e, ",\"file\":", s->file);
    if (s->line)
        number(e, ",\"line\":", s->line);
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
    encode_literal(e, ",\"start\":");
    encode_address(e, r->raw.start);
    encode_literal(e, ",\"end\":");
    encode_address(e, r->raw.end);
}

static void exit_extra(struct encoder *e, void *arg, const struct pmt_exit *x)
{
    const struct json *j = arg;
    const struct model *m = j->model;
    if (x->signal) {
        const char *name = sigabbrev_np((int)x->signal);
        encode_literal(e, ",\"signal\":\"SIG");
        if (name)
            encode_chars(e, name);
        else
            encode_unsigned(e, x->signal);
        encode_literal(e, "\"");
    }
    number(e, ",\"ledger\":{\"changes\":", m->image->ledger.changes);
    number(e, ",\"explained\":", m->image->ledger.explained);
    number(e, ",\"unexplained\":", m->image->ledger.unexplained);
    number(e, ",\"lost\":", m->image->ledger.lost);
    number(e, "},\"allocations\":{\"calls\":", m->image->ledger.allocations);
    number(e, ",\"frees\":", m->image->ledger.frees);
    number(e, ",\"live\":", m->image->allocations.count);
    number(e, ",\"live_bytes\":", m->image->allocations.bytes);
    encode_literal(e, "},\"totals\":[");
    struct totals t = totals_of(&m->image->map);
    bool first = true;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        if (!t.kinds[kind].regions)
            continue;
        key(e, first ? "{\"kind\":" : ",{\"kind\":", kind_name(kind));
        number(e, ",\"regions\":", t.kinds[kind].regions);
        number(e, ",\"bytes\":", t.kinds[kind].bytes);
        encode_literal(e, "}");
        first = false;
    }
    encode_literal(e, "]");
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

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     uint64_t seq, unsigned changes)
{
    (void)changes;
    struct json *j = (struct json *)view;
    struct encode_context context = {.seq = seq,
                                     .t_ns = event->t_ns,
                                     .began_ns = event->began_ns,
                                     .pid = event->pid,
                                     .image = m->image->number,
                                     .word_size = m->image->word_size,
                                     .region_extra = region_extra,
                                     .frame_extra = frame_extra,
                                     .thread_extra = thread_extra,
                                     .exit_extra = exit_extra,
                                     .arg = j};
    j->model = m;
    add_line(j, encode_record(j->lines + j->used, LINE_SIZE, event->record, &context));
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
    key(e, ",\"cause\":{\"call\":", cause_name(c));
    if (call_allocates(c->code) && c->code != PMT_CALL_FREE)
        number(e, ",\"size\":", c->size);
    if (c->name[0])
        key(e, ",\"name\":", c->name);
    if (c->seq)
        number(e, ",\"seq\":", c->seq);
    if (c->kernel)
        key(e, ",\"kernel\":", names_call(c->kernel));
    if (caller_text(m, c->stack_id, caller, sizeof caller))
        key(e, ",\"caller\":", caller);
    if (c->stack_id)
        number(e, ",\"stack_id\":", c->stack_id);
    encode_literal(e, "}");
}

/* What all derived events begin with. */
static void start_derived(struct encoder *e, struct json *j, const struct model *m,
                          const char *type, const struct change *change, uint64_t seq)
{
    encode_start(e, j->lines + j->used, LINE_SIZE);
    key(e, "{\"type\":", type);
    number(e, ",\"seq\":", seq);
    number(e, ",\"t_ns\":", change->t_ns);
    number(e, ",\"pid\":", m->image->pid);
    number(e, ",\"image\":", m->image->number);
    number(e, ",\"tid\":", change->tid);
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

static void on_change(struct view *view, const struct model *m, const struct change *change,
                      uint64_t seq)
{
    struct json *j = (struct json *)view;
    struct encoder e;
    char why[256];
    start_derived(&e, j, m, "region", change, seq);
    key(&e, ",\"change\":", change_name(change->type));
    encode_literal(&e, ",\"delta\":");
    encode_signed(&e, change->delta);
    encode_literal(&e, ",\"before\":");
    region(&e, change->before);
    encode_literal(&e, ",\"after\":");
    region(&e, change->after);
    if (change->parts.count)
        regions(&e, ",\"parts\":", &change->parts);
    if (change->library)
        key(&e, ",\"library\":", change->library);
    cause(&e, m, &change->cause);
    why_text(m, change, why, sizeof why);
    key(&e, ",\"why\":", why);
    encode_literal(&e, "}\n");
    add_line(j, e.full ? 0 : (size_t)(e.at - j->lines) - j->used);
}

static void on_library(struct view *view, const struct model *m, const struct library *library,
                       uint64_t seq)
{
    struct json *j = (struct json *)view;
    struct encoder e;
    start_derived(&e, j, m, "library", library->change, seq);
    key(&e, ",\"change\":", library->loaded ? "loaded" : "unloaded");
    key(&e, ",\"path\":", library->path);
    key(&e, ",\"name\":", library_name(library));
    regions(&e, ",\"regions\":", &library->regions);
    number(&e, ",\"bytes\":", library_size(library));
    cause(&e, m, &library->change->cause);
    encode_literal(&e, "}\n");
    add_line(j, e.full ? 0 : (size_t)(e.at - j->lines) - j->used);
}

static int on_close(struct view *view, const struct model *m)
{
    (void)m;
    struct json *j = (struct json *)view;
    on_flush(view);
    int error = output_close(&j->output);
    memory_put(j->lines);
    memory_put(j);
    return error;
}

struct view *json_view_new(const struct output *output)
{
    struct json *j = memory_get(sizeof *j);
    j->view = (struct view){.event = on_event,
                            .change = on_change,
                            .library = on_library,
                            .flush = on_flush,
                            .close = on_close};
    j->output = *output;
    j->lines = memory_get(WRITE_SIZE + LINE_SIZE);
    return &j->view;
}
