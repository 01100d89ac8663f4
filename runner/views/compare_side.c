#include "runner/views/compare_side.h"
#include "runner/base/memory.h"
#include "runner/views/end_words.h"
#include "runner/views/wording.h"
#include "schemas/names.h"
#include <string.h>

struct side_view {
    struct view view;
    struct compare_side *side;
    uint32_t image; /* that it is about */
};

static void begin(struct side_view *v, const struct image *image)
{
    struct compare_side *s = v->side;
    if (!image->of_first || (s->begun && image->origin == PMT_ORIGIN_FORK))
        return;
    memset(s, 0, sizeof *s);
    v->image = image->number;
    s->begun = true;
    snprintf(s->exe, sizeof s->exe, "%s", image->exe);
    s->bits = image->word_size * 8;
    s->pie = image->pie;
    s->is_static = image->statically_linked;
    s->blind = image->blind;
    s->by_ptrace = image->backend == PMT_BACKEND_PTRACE;
    s->first_threshold = image->thresholds.mmap;
}

static void note_block(struct compare_side *s, const struct pmt_alloc *a)
{
    if (a->r.call == PMT_CALL_FREE || !a->addr || a->size < s->largest)
        return;
    s->largest = a->size;
    s->largest_place = !a->chunk                             ? COMPARE_NOWHERE
                       : a->chunk & PMT_CHUNK_MMAPPED        ? COMPARE_MMAP
                       : a->chunk & PMT_CHUNK_NON_MAIN_ARENA ? COMPARE_ARENA
                                                             : COMPARE_HEAP;
}

static void end(struct compare_side *s, const struct image *image)
{
    s->at_end = regions_totals(&image->map);
    s->ledger = image->ledger;
    s->live = image->allocations.count;
    s->live_bytes = image->allocations.bytes;
    s->threshold = image->thresholds.mmap;
}

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     unsigned changes)
{
    struct side_view *v = (struct side_view *)view;
    const struct pmt_snapshot *look = (const struct pmt_snapshot *)event->record;
    (void)changes;
    if (event->record->type == PMT_RECORD_PROCESS)
        begin(v, m->image);
    if (m->image->number != v->image)
        return;
    if (event->record->type == PMT_RECORD_ALLOC)
        note_block(v->side, (const struct pmt_alloc *)event->record);
    else if (event->record->type == PMT_RECORD_SNAPSHOT && look->r.call == PMT_REASON_START)
        v->side->at_start = regions_totals(&m->image->map);
    else if (event->record->type == PMT_RECORD_EXIT) {
        end_title((const struct pmt_exit *)event->record, v->side->end, sizeof v->side->end);
        v->side->ended = true;
    }
}

static struct compare_change *change_of(struct compare_side *s, const struct change *change)
{
    const char *call = cause_name(&change->cause), *name = change_name(change->type);
    enum kind kind = change_region(change)->kind;
    for (unsigned i = 0; i < s->change_count; i++) {
        struct compare_change *c = &s->changes[i];
        if (c->call == call && c->change == name && c->kind == kind)
            return c;
    }
    if (s->change_count == COMPARE_CHANGES)
        return NULL;
    struct compare_change *c = &s->changes[s->change_count++];
    *c = (struct compare_change){.call = call, .change = name, .kind = kind};
    return c;
}

static void on_change(struct view *view, const struct model *m, const struct change *change)
{
    struct side_view *v = (struct side_view *)view;
    if (m->image->number != v->image || change->tracer)
        return;
    struct compare_change *c = change_of(v->side, change);
    if (c) {
        c->count++;
        c->delta += change->delta;
    } else {
        v->side->more_changes++;
    }
    if (change_region(change)->kind == KIND_STACK && change->delta > v->side->stack_grown) {
        v->side->stack_grown = change->delta;
        v->side->stack_use[0] = '\0';
        wording_stack_use(m, change, v->side->stack_use, sizeof v->side->stack_use);
    }
}

static void on_forget(struct view *view, const struct model *m)
{
    struct side_view *v = (struct side_view *)view;
    if (m->image->number == v->image)
        end(v->side, m->image);
}

static void on_flush(struct view *view)
{
    (void)view;
}

static int on_close(struct view *view, const struct model *m)
{
    (void)m;
    memory_put(view);
    return 0;
}

struct view *compare_side_view(struct compare_side *side)
{
    struct side_view *v = memory_get(sizeof *v);
    memset(side, 0, sizeof *side);
    v->side = side;
    v->view = (struct view){.event = on_event,
                            .change = on_change,
                            .forget = on_forget,
                            .flush = on_flush,
                            .close = on_close};
    return &v->view;
}
