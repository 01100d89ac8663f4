#include "runner/views/timeline_fold.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/timeline_region.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <string.h>

/* So many calls at one place are told one by one; so many for one size. */
#define CALLS_OF_PLACE 3u
#define CALLS_ALIKE 2u
#define CALLS_IN_ALL 60u
#define CHANGES_ALIKE 2u /* likewise changes */
#define CHANGES_BY_SIZE                                                                            \
    6u                      /* so many changes are told before those of other sizes are alike, too \
                             */
#define CALLS_SKIPPED 1000u /* after so many folded calls the model need not tell them any more */

struct call_place {
    uint32_t stack_id;
    unsigned call, told;
    uint64_t size; /* of the last ones told */
    unsigned alike;
};

/* Changes that are alike. */
struct alike {
    unsigned code, kernel, type, kind, reason; /* as in struct change and its cause */
    uint32_t stack_id;
    int64_t delta; /* 0: any */
    unsigned told;
    /* those that are folded */
    uint64_t count, from_ns, to_ns;
    int64_t sum;
    struct change last; /* with its region only */
};

#define PLACES 256u
#define ALIKES 64u

struct folds {
    struct call_place places[PLACES];
    struct alike kinds[ALIKES];
    struct ledger from; /* before the first folded call; call_ns: the first's */
    bool open;
    unsigned calls;    /* folded, one by one */
    unsigned failed;   /* of these */
    uint64_t changing; /* calls of the allocator with folded changes */
    uint64_t last_seq; /* of the last one of these */
    unsigned changes_told;
};

static struct folds *folds_of(struct timeline *t)
{
    if (!t->shown->folds)
        t->shown->folds = memory_get(sizeof *t->shown->folds);
    return t->shown->folds;
}

static void drop_region(struct alike *kind)
{
    region_drop(kind->last.before);
    region_drop(kind->last.after);
    memset(&kind->last, 0, sizeof kind->last);
}

void timeline_fold_forget(struct shown *shown)
{
    for (unsigned i = 0; shown->folds && i < ALIKES; i++)
        drop_region(&shown->folds->kinds[i]);
    memory_put(shown->folds);
    shown->folds = NULL;
}

/* ---- calls ---- */

struct ledger timeline_fold_before(const struct ledger *now, const struct event *event)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    struct ledger before = *now;
    bool frees = a->r.call == PMT_CALL_FREE;
    before.frees -= frees && a->addr;
    before.allocations -= !frees && a->addr;
    before.bytes -= !frees && a->addr ? a->size : 0;
    return before;
}

static void open_fold(struct folds *f, const struct ledger *before, uint64_t t_ns)
{
    if (f->open)
        return;
    f->open = true;
    f->from = *before;
    f->from.call_ns = t_ns;
    f->calls = f->failed = 0;
}

static struct call_place *place_of(struct folds *f, const struct pmt_record *r)
{
    struct call_place *place = &f->places[(r->stack_id * 8 + r->call) % PLACES];
    if (place->stack_id != r->stack_id || place->call != r->call)
        *place = (struct call_place){.stack_id = r->stack_id, .call = r->call};
    return place;
}

bool timeline_fold_shows_call(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    const struct pmt_record *r = event->record;
    struct folds *f = folds_of(t);
    uint64_t size = r->call == PMT_CALL_FREE ? 0 : a->size;
    struct call_place *place = place_of(f, r);
    struct ledger before = timeline_fold_before(&m->image->ledger, event);
    bool enough = place->told == CALLS_OF_PLACE ||
                  (place->size == size && place->alike == CALLS_ALIKE) || t->in_all == CALLS_IN_ALL;
    if (t->output.all || !enough) {
        timeline_fold_end(t, m, &before);
        place->told++;
        place->alike = place->size == size ? place->alike + 1 : 1;
        place->size = size;
        t->in_all += !t->output.all;
        return true;
    }
    open_fold(f, &before, event->t_ns);
    f->failed += pmt_record_size(r) == sizeof *a && a->error;
    if (++f->calls >= CALLS_SKIPPED)
        m->image->skipped_by |= 1u << t->view.index;
    return false;
}

/* ---- changes ---- */

static bool is_alike(const struct alike *kind, const struct change *change)
{
    const struct cause *c = &change->cause;
    return kind->told && kind->code == c->code && kind->kernel == c->kernel &&
           kind->type == change->type && kind->kind == change_region(change)->kind &&
           kind->reason == change->reason.code && kind->stack_id == c->stack_id &&
           (!kind->delta || kind->delta == change->delta);
}

/* Its kind, which may be a new one; NULL: there are too many. */
static struct alike *kind_of(struct folds *f, const struct change *change)
{
    const struct cause *c = &change->cause;
    bool by_size = f->changes_told < CHANGES_BY_SIZE;
    for (unsigned i = 0; i < ALIKES; i++) {
        struct alike *kind = &f->kinds[i];
        if (is_alike(kind, change))
            return kind;
        if (kind->told)
            continue;
        *kind = (struct alike){.code = c->code,
                               .kernel = c->kernel,
                               .type = change->type,
                               .kind = change_region(change)->kind,
                               .reason = change->reason.code,
                               .stack_id = c->stack_id,
                               .delta = by_size ? change->delta : 0};
        return kind;
    }
    return NULL;
}

/* What belongs to a library is told together anyway, and what is unexplained always. */
static bool may_fold(const struct timeline *t, const struct change *change)
{
    return !t->output.all && !change->library && !change->cause.by_loader &&
           change->cause.stack_id &&
           (change->cause.kind == CAUSE_KERNEL || change->cause.kind == CAUSE_CALL);
}

static void count_change(struct folds *f, struct alike *kind, const struct change *change)
{
    const struct cause *c = &change->cause;
    if (!kind->count++)
        kind->from_ns = change->t_ns;
    kind->to_ns = change->t_ns;
    kind->sum += change->delta;
    drop_region(kind);
    kind->last = (struct change){.type = change->type, .cause = *c, .delta = kind->sum};
    kind->last.before = change->before ? region_keep(change->before) : NULL;
    kind->last.after = change->after ? region_keep(change->after) : NULL;
    f->changing += call_allocates(c->code) && c->seq != f->last_seq;
    f->last_seq = c->seq;
}

bool timeline_fold_shows_change(struct timeline *t, const struct model *m,
                                const struct change *change)
{
    struct folds *f = folds_of(t);
    struct alike *kind = may_fold(t, change) ? kind_of(f, change) : NULL;
    bool moves_threshold = t->shown->threshold_moved;
    /* one call is one entry: what it did further is told below what is told of it already */
    bool goes_on = t->last_is_change && timeline_told_last(t, m, change->cause.seq);
    if (!kind || kind->told < CHANGES_ALIKE || moves_threshold || goes_on) {
        if (kind)
            kind->told++;
        f->changes_told++;
        return true;
    }
    open_fold(f, t->shown->has_before ? &t->shown->before : &m->image->ledger, change->t_ns);
    t->shown->has_before = false;
    count_change(f, kind, change);
    return false;
}

/* ---- what was folded ---- */

static void write_kind(struct timeline *t, const struct model *m, struct alike *kind)
{
    char text[240];
    snprintf(text, sizeof text, _("%s, %" PRIu64 " time%s more since %.3f ms"),
             cause_name(&kind->last.cause), kind->count, kind->count == 1 ? "" : "s",
             (double)kind->from_ns / 1e6);
    timeline_call(t, m, kind->to_ns, text, kind->stack_id);
    timeline_region(t, &kind->last);
    kind->count = 0;
    kind->sum = 0;
    drop_region(kind);
}

static void write_kinds(struct timeline *t, const struct model *m, struct folds *f)
{
    for (;;) {
        struct alike *first = NULL;
        for (unsigned i = 0; i < ALIKES; i++)
            if (f->kinds[i].count && (!first || f->kinds[i].to_ns < first->to_ns))
                first = &f->kinds[i];
        if (!first)
            return;
        write_kind(t, m, first);
    }
}

/* "... 17 allocations (3K), 4 frees: no change of the map" */
static bool calls_text(const struct folds *f, const struct ledger *now, char *out, size_t size)
{
    uint64_t allocations = now->allocations - f->from.allocations,
             frees = now->frees - f->from.frees;
    char bytes[TEXT_SIZE];
    if (allocations + frees + f->failed <= f->changing)
        return false;
    size_t used = (size_t)snprintf(out, size, "...");
    if (allocations)
        used += (size_t)snprintf(out + used, size - used, _(" %" PRIu64 " allocation%s (%s)"),
                                 allocations, allocations == 1 ? "" : "s",
                                 text_size(bytes, now->bytes - f->from.bytes));
    if (frees)
        used += (size_t)snprintf(out + used, size - used, _("%s %" PRIu64 " free%s"),
                                 allocations ? "," : "", frees, frees == 1 ? "" : "s");
    if (f->failed)
        used +=
            (size_t)snprintf(out + used, size - used, _("%s %u call%s that failed"),
                             allocations || frees ? "," : "", f->failed, f->failed == 1 ? "" : "s");
    if (f->changing)
        snprintf(out + used, size - used, _(": %" PRIu64 " of them changed the map"), f->changing);
    else
        snprintf(out + used, size - used, _(": no change of the map"));
    return true;
}

void timeline_fold_end(struct timeline *t, const struct model *m, const struct ledger *now)
{
    struct folds *f = folds_of(t);
    char text[300];
    if (!f->open)
        return;
    f->open = false;
    m->image->skipped_by &= ~(1u << t->view.index);
    if (calls_text(f, now, text, sizeof text)) {
        timeline_time(t, m, f->from.call_ns);
        line_wrap(&t->lines, text, STYLE_DIM);
    }
    write_kinds(t, m, f);
    f->changing = 0;
}
