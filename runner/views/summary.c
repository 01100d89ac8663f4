/* What a run came to: one screen at the end of each process image. */
#include "runner/base/memory.h"
#include "runner/views/summary_json.h"
#include "runner/views/summary_sums.h"
#include "runner/views/summary_text.h"
#include "runner/views/views.h"
#include "runner/views/wording.h"
#include "schemas/names.h"
#include <stdlib.h>
#include <string.h>

#define LONG_TIMELINE 200u /* lines */

struct summary_view {
    struct view view;
    struct output output;
};

static struct summary *noted(struct view *view, const struct model *m)
{
    struct summary **s = (struct summary **)&m->image->shown[view->index];
    if (!*s)
        *s = memory_get(sizeof **s);
    return *s;
}

/* ---- while the image lives ---- */

static void begin(struct view *view, const struct model *m)
{
    struct image *image = m->image;
    noted(view, m)->first_threshold = image->thresholds.mmap;
    image->callers = callers_new();
    image->callers->most = image->allocations.bytes; /* of a child: its parent's */
    image->skipped_by |= 1u << view->index;
}

static void note_most(struct summary_peak *peak, uint64_t bytes, const struct change *change)
{
    if (bytes <= peak->bytes)
        return;
    *peak = (struct summary_peak){.bytes = bytes};
    if (!change)
        return;
    peak->t_ns = change->t_ns;
    peak->cause = change->cause;
}

static void note_start(struct summary *s, const struct model *m)
{
    s->at_start = regions_totals(&m->image->map);
    s->mapped = s->at_start.program.bytes;
    s->heap = s->at_start.kinds[KIND_HEAP].bytes;
    note_most(&s->most_mapped, s->mapped, NULL);
    note_most(&s->most_heap, s->heap, NULL);
}

static void note_heap(struct summary *s, const struct change *change)
{
    s->heap += (uint64_t)change->delta;
    note_most(&s->most_heap, s->heap, change);
    if (change->delta && s->heap_changes < SUMMARY_HEAPS)
        s->heaps[s->heap_changes] = s->heap;
    s->heap_changes += change->delta != 0;
}

static void note_mover(struct summary *s, const struct cause *c)
{
    const char *call = cause_name(c);
    bool itself = !c->kernel || c->kernel == c->code || wording_is_system_call(c);
    const char *kernel = itself ? NULL : names_call(c->kernel);
    unsigned i = 0;
    while (i < s->mover_count && (s->movers[i].call != call || s->movers[i].kernel != kernel))
        i++;
    if (i == s->mover_count && i < SUMMARY_MOVERS - 1)
        s->movers[s->mover_count++] = (struct summary_mover){call, kernel, 0};
    else if (i == s->mover_count)
        s->movers[i = SUMMARY_MOVERS - 1].call = "others";
    s->movers[i].count++;
}

static void on_change(struct view *view, const struct model *m, const struct change *change)
{
    struct summary *s = noted(view, m);
    if (change->tracer)
        return;
    s->mapped += (uint64_t)change->delta;
    note_most(&s->most_mapped, s->mapped, change);
    if (change_region(change)->kind == KIND_HEAP)
        note_heap(s, change);
    note_mover(s, &change->cause);
    if (change->cause.stack_id && call_allocates(change->cause.code))
        callers_sum(m->image->callers, change->cause.stack_id)->changes++;
}

static void on_threshold(struct view *view, const struct model *m,
                         const struct threshold *threshold)
{
    struct summary *s = noted(view, m);
    s->threshold_moves++;
    s->last_move = *threshold;
}

/* ---- the end ---- */

/* Behind a timeline that is longer than some screens: what the run came to, so that the last screen
 * tells it. Of a program that executed another one people want to see that. */
static bool is_wanted(const struct output *o, const struct image *image, const struct event *exit)
{
    bool goes_on = exit && ((const struct pmt_exit *)exit->record)->end == PMT_END_EXEC;
    if (o->if_long)
        return image->of_first && !goes_on && *o->lines > LONG_TIMELINE;
    return !goes_on || o->json || o->all;
}

static void tell(struct summary_view *v, const struct model *m, const struct event *exit)
{
    if (!is_wanted(&v->output, m->image, exit))
        return;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    if (v->output.json)
        summary_json(out, m, noted(&v->view, m), exit);
    else
        summary_text(out, &v->output, m, noted(&v->view, m), exit);
    fclose(out);
    output_write(&v->output, text, size);
    free(text);
}

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     unsigned changes)
{
    (void)changes;
    const struct pmt_snapshot *look = (const struct pmt_snapshot *)event->record;
    if (event->record->type == PMT_RECORD_PROCESS)
        begin(view, m);
    else if (event->record->type == PMT_RECORD_SNAPSHOT && look->r.call == PMT_REASON_START &&
             look->flags & PMT_SNAPSHOT_LAST)
        note_start(noted(view, m), m);
    else if (event->record->type == PMT_RECORD_EXIT)
        tell((struct summary_view *)view, m, event);
}

static void on_forget(struct view *view, const struct model *m)
{
    if (!m->image->ended)
        tell((struct summary_view *)view, m, NULL);
    memory_put(m->image->shown[view->index]);
    m->image->shown[view->index] = NULL;
}

static void on_flush(struct view *view)
{
    (void)view;
}

static int on_close(struct view *view, const struct model *m)
{
    (void)m;
    struct summary_view *v = (struct summary_view *)view;
    int error = output_close(&v->output);
    memory_put(v);
    return error;
}

struct view *summary_view_new(const struct output *output)
{
    struct summary_view *v = memory_get(sizeof *v);
    v->output = *output;
    v->view = (struct view){.event = on_event,
                            .change = on_change,
                            .threshold = on_threshold,
                            .forget = on_forget,
                            .flush = on_flush,
                            .close = on_close};
    return &v->view;
}
