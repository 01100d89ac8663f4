#include "runner/views/expect.h"
#include "runner/base/memory.h"
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* What is noted for one demand. */
struct found {
    uint64_t value;
    uint32_t stack_id; /* where, if it is one place; 0: none */
};

struct expect_view {
    struct view view;
    struct output output;
    const struct demands *demands;
    struct found *found; /* of each */
    size_t *failed;
    enum expect_format format;
    uint32_t image; /* that it is about; 0: none yet */
    uint64_t sizes[KIND_COUNT + 1];
    char *report;
    size_t report_size;
};

/* ---- while it runs ---- */

static void begin(struct expect_view *v, const struct image *image)
{
    if (!image->of_first || (v->image && image->origin == PMT_ORIGIN_FORK))
        return;
    v->image = image->number;
    memset(v->found, 0, v->demands->count * sizeof *v->found);
    memset(v->sizes, 0, sizeof v->sizes);
}

static void note_most(struct expect_view *v)
{
    for (size_t i = 0; i < v->demands->count; i++) {
        const struct demand *d = &v->demands->items[i];
        if (d->noun == NOUN_MOST && v->sizes[d->kind] > v->found[i].value)
            v->found[i].value = v->sizes[d->kind];
    }
}

static void note_start(struct expect_view *v, const struct regions *map)
{
    struct totals t = regions_totals(map);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        v->sizes[kind] = t.kinds[kind].bytes;
    v->sizes[KIND_COUNT] = t.program.bytes;
    note_most(v);
}

static void note_block(struct expect_view *v, const struct pmt_alloc *a)
{
    unsigned place = !a->chunk                             ? PLACEMENT_NONE
                     : a->chunk & PMT_CHUNK_MMAPPED        ? PLACEMENT_MMAP
                     : a->chunk & PMT_CHUNK_NON_MAIN_ARENA ? PLACEMENT_ARENA
                                                           : PLACEMENT_HEAP;
    for (size_t i = 0; i < v->demands->count; i++) {
        const struct demand *d = &v->demands->items[i];
        struct found *f = &v->found[i];
        if (d->size != a->size || (d->noun != NOUN_COUNT && d->noun != NOUN_PLACEMENT))
            continue;
        if (d->noun == NOUN_COUNT)
            f->value++;
        else
            f->value = !f->value || f->value == place ? place : PLACEMENT_MIXED;
        f->stack_id = a->r.stack_id;
    }
}

static void note_exit(struct expect_view *v, const struct pmt_exit *x)
{
    for (size_t i = 0; i < v->demands->count; i++) {
        if (v->demands->items[i].noun == NOUN_STATUS)
            v->found[i].value = x->signal ? 128 + x->signal : (uint32_t)x->status & 0xff;
        else if (v->demands->items[i].noun == NOUN_SIGNAL)
            v->found[i].value = x->signal;
    }
}

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     unsigned changes)
{
    struct expect_view *v = (struct expect_view *)view;
    const struct pmt_record *r = event->record;
    (void)changes;
    if (r->type == PMT_RECORD_PROCESS)
        begin(v, m->image);
    if (m->image->number != v->image)
        return;
    if (r->type == PMT_RECORD_ALLOC && r->call != PMT_CALL_FREE)
        note_block(v, (const struct pmt_alloc *)r);
    else if (r->type == PMT_RECORD_SNAPSHOT && r->call == PMT_REASON_START)
        note_start(v, &m->image->map);
    else if (r->type == PMT_RECORD_EXIT)
        note_exit(v, (const struct pmt_exit *)r);
}

static void on_change(struct view *view, const struct model *m, const struct change *change)
{
    struct expect_view *v = (struct expect_view *)view;
    if (m->image->number != v->image || change->tracer)
        return;
    v->sizes[change_region(change)->kind] += (uint64_t)change->delta;
    v->sizes[KIND_COUNT] += (uint64_t)change->delta;
    note_most(v);
    for (size_t i = 0; i < v->demands->count; i++) {
        const struct demand *d = &v->demands->items[i];
        const struct cause *c = &change->cause;
        unsigned kernel = cause_maps(c) ? PMT_CALL_MMAP : c->kernel; /* not mmap2 */
        if (d->noun != NOUN_CHANGES || !d->call || (d->call != c->code && d->call != kernel))
            continue;
        v->found[i].value++;
        v->found[i].stack_id = c->stack_id;
    }
}

/* ---- at the end ---- */

static uint64_t value_of(const struct image *image, const struct demand *d,
                         const struct totals *totals, uint64_t noted)
{
    const struct ledger *g = &image->ledger;
    const struct total *total = d->kind < KIND_COUNT ? &totals->kinds[d->kind] : &totals->program;
    switch (d->noun) {
    case NOUN_CHANGES:
        return d->call ? noted : g->changes;
    case NOUN_UNEXPLAINED:
        return g->unexplained;
    case NOUN_ALLOCATIONS:
        return g->allocations;
    case NOUN_FREES:
        return g->frees;
    case NOUN_UNFREED:
        return image->allocations.count;
    case NOUN_UNFREED_BYTES:
        return image->allocations.bytes;
    case NOUN_THRESHOLD:
        return image->thresholds.mmap;
    case NOUN_SIZE:
        return total->bytes;
    case NOUN_REGIONS:
        return total->regions;
    default:
        return noted;
    }
}

/* The image may not be the last one: then the next one's report takes the place of this. */
static void on_forget(struct view *view, const struct model *m)
{
    struct expect_view *v = (struct expect_view *)view;
    struct totals totals = regions_totals(&m->image->map);
    if (m->image->number != v->image)
        return;
    free(v->report);
    v->report = NULL;
    FILE *out = open_memstream(&v->report, &v->report_size);
    *v->failed = 0;
    if (!out)
        return;
    struct expect_report report = {out, v->format, m, v->demands, 0, 0};
    expect_report_begin(&report);
    for (size_t i = 0; i < v->demands->count; i++) {
        const struct demand *d = &v->demands->items[i];
        uint64_t was = value_of(m->image, d, &totals, v->found[i].value);
        *v->failed += !demand_holds(d, was);
        expect_report_demand(&report, d, was, v->found[i].stack_id);
    }
    expect_report_end(&report);
    fclose(out);
}

static void on_flush(struct view *view)
{
    (void)view;
}

static int on_close(struct view *view, const struct model *m)
{
    struct expect_view *v = (struct expect_view *)view;
    (void)m;
    if (v->report)
        output_write(&v->output, v->report, v->report_size);
    else
        *v->failed = v->demands->count; /* nothing was seen of it */
    int error = output_close(&v->output);
    free(v->report);
    memory_put(v->found);
    memory_put(v);
    return error;
}

struct view *expect_view_new(const struct output *output, const struct demands *demands,
                             enum expect_format format, size_t *failed)
{
    struct expect_view *v = memory_get(sizeof *v);
    v->output = *output;
    v->demands = demands;
    v->failed = failed;
    v->format = format;
    v->found = memory_get((demands->count + 1) * sizeof *v->found);
    v->view = (struct view){.event = on_event,
                            .change = on_change,
                            .forget = on_forget,
                            .flush = on_flush,
                            .close = on_close};
    return &v->view;
}
