#include "runner/views/timeline.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/views/caller.h"
#include <inttypes.h>
#include <string.h>

void timeline_enter(struct timeline *t, const struct model *m)
{
    struct image *image = m->image;
    struct shown **shown = (struct shown **)&image->shown[t->view.index];
    if (!*shown)
        *shown = memory_get(sizeof **shown);
    if (t->shown == *shown && (t->lines.tag[0] || m->images.total == 1))
        return;
    t->shown = *shown;
    t->lines.address_width = image->word_size == 8 ? 12 : 8;
    line_set_tag(&t->lines, image->pid, m->images.total > 1 ? basename(image->exe) : NULL);
}

void timeline_time(struct timeline *t, const struct model *m, uint64_t t_ns)
{
    t->last_image = m->image->number;
    t->last_call = t->last_kernel = 0;
    t->last_is_change = false;
    t->last_why[0] = '\0';
    t->lines.width = output_width(&t->output);
    line_time(&t->lines, t_ns);
}

void timeline_indented(struct timeline *t, const char *text, enum style style)
{
    line_indent(&t->lines);
    line_wrap(&t->lines, text, style);
}

void timeline_call(struct timeline *t, const struct model *m, uint64_t t_ns, const char *left,
                   uint32_t stack_id)
{
    char caller[512];
    caller_text(m, stack_id, caller, sizeof caller);
    timeline_time(t, m, t_ns);
    line_call(&t->lines, left, caller);
}

/* ---- calls that are told together ---- */

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

void timeline_fold_begin(struct timeline *t, const struct model *m, const struct event *event)
{
    struct ledger *folded = &t->shown->folded;
    m->image->skipped_by |= 1u << t->view.index;
    *folded = timeline_fold_before(&m->image->ledger, event);
    folded->call_ns = event->t_ns;
}

void timeline_fold_end(struct timeline *t, const struct model *m, const struct ledger *now)
{
    const struct ledger *f = &t->shown->folded;
    char text[200], size[TEXT_SIZE];
    size_t used = 0;
    t->shown->in_a_row = 0;
    unsigned bit = 1u << t->view.index;
    if (!(m->image->skipped_by & bit))
        return;
    m->image->skipped_by &= ~bit;
    uint64_t allocations = now->allocations - f->allocations, frees = now->frees - f->frees;
    if (!allocations && !frees)
        return;
    if (allocations)
        used = (size_t)snprintf(text, sizeof text, "... %" PRIu64 " more allocation%s (%s)%s",
                                allocations, allocations == 1 ? "" : "s",
                                text_size(size, now->bytes - f->bytes), frees ? " and" : "");
    if (frees)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s %" PRIu64 "%s free%s",
                             used ? "" : "...", frees, used ? "" : " more", frees == 1 ? "" : "s");
    snprintf(text + used, sizeof text - used, " until %.3f ms: no change of the map",
             (double)now->call_ns / 1e6);
    timeline_time(t, m, f->call_ns);
    line_wrap(&t->lines, text, STYLE_DIM);
}

void timeline_fold_threshold(struct timeline *t, const struct model *m)
{
    char text[160], was[TEXT_SIZE], now[TEXT_SIZE];
    if (m->image->thresholds.mmap == t->shown->threshold)
        return;
    snprintf(text, sizeof text, "from now on the mmap threshold is %s (was %s)%s",
             text_size(now, m->image->thresholds.mmap), text_size(was, t->shown->threshold),
             m->image->dynamic_threshold ? ": malloc expects more blocks of that size"
                                         : ", and stays there");
    t->shown->threshold = m->image->thresholds.mmap;
    if (t->last_image == m->image->number)
        return timeline_indented(t, text, STYLE_DIM);
    timeline_time(t, m, m->image->ledger.call_ns);
    line_wrap(&t->lines, text, STYLE_DIM);
}
