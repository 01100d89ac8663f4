#include "runner/views/timeline_end.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/views/timeline_change.h"
#include "runner/views/timeline_event.h"
#include <inttypes.h>
#include <signal.h>
#include <string.h>

static void write_totals(struct timeline *t, const struct totals *now)
{
    FILE *out = t->lines.out;
    line_indent(&t->lines);
    line_style(&t->lines, STYLE_DIM);
    fprintf(out, "%-14s %8s %8s %12s", "kind", "regions", "size", "since START");
    line_end(&t->lines);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        const struct total *a = &now->kinds[kind], *b = &t->shown->at_start.kinds[kind];
        char size[TEXT_SIZE], delta[TEXT_SIZE], sign[2] = "";
        if ((!a->regions && !b->regions) || (kind == KIND_TRACER && !t->output.all))
            continue;
        uint64_t bytes = a->bytes > b->bytes ? a->bytes - b->bytes : b->bytes - a->bytes;
        text_size(delta, bytes);
        if (bytes)
            sign[0] = a->bytes > b->bytes ? '+' : '-';
        line_indent(&t->lines);
        fprintf(out, "%-14s %8" PRIu64 " %8s %5s%s%s\n", kind_name(kind), a->regions,
                text_size(size, a->bytes), "", sign, bytes ? delta : "=");
    }
}

/* "3 changes of the map, all explained" */
static size_t changes_text(const struct ledger *g, char *out, size_t size)
{
    int used = snprintf(out, size, "%" PRIu64 " change%s of the map", g->changes,
                        g->changes == 1 ? "" : "s");
    if (g->unexplained)
        used += snprintf(out + used, size - (size_t)used, ", %" PRIu64 " of them UNEXPLAINED",
                         g->unexplained);
    else
        used += snprintf(out + used, size - (size_t)used, ", all explained");
    return (size_t)used;
}

static size_t calls_text(const struct image *image, char *out, size_t size)
{
    const struct ledger *g = &image->ledger;
    char live[TEXT_SIZE];
    if (image->blind)
        return (size_t)snprintf(out, size, "calls of malloc and free could not be seen");
    return (size_t)snprintf(
        out, size, "%" PRIu64 " allocation%s, %" PRIu64 " free%s; not freed: %zu block%s, %s",
        g->allocations, g->allocations == 1 ? "" : "s", g->frees, g->frees == 1 ? "" : "s",
        image->allocations.count, image->allocations.count == 1 ? "" : "s",
        text_size(live, image->allocations.bytes));
}

static void write_ledger(struct timeline *t, const struct image *image)
{
    const struct ledger *g = &image->ledger;
    char text[300];
    changes_text(g, text, sizeof text);
    timeline_indented(t, text, g->unexplained ? STYLE_RED : STYLE_BOLD);
    calls_text(image, text, sizeof text);
    timeline_indented(t, text, STYLE_PLAIN);
    if (g->lost) {
        snprintf(text, sizeof text, "%" PRIu64 " events were LOST", g->lost);
        timeline_indented(t, text, STYLE_RED);
    }
}

static void write_walks(struct timeline *t, const struct pmt_exit *x)
{
    const uint32_t *n = x->walks;
    char text[300];
    snprintf(text, sizeof text,
             "%" PRIu32 " walks of stacks verified: %" PRIu32 " differ from libunwind's, %" PRIu32
             " by libunwind only, %" PRIu32 " cut where there are no unwind tables",
             n[PMT_WALKS_CHECKED], n[PMT_WALKS_MISMATCHED], n[PMT_WALKS_FELL_BACK],
             n[PMT_WALKS_CUT]);
    timeline_indented(t, text, n[PMT_WALKS_MISMATCHED] ? STYLE_RED : STYLE_PLAIN);
}

/* All of it in one line. */
static void write_short_end(struct timeline *t, const struct model *m, const char *title,
                            uint64_t t_ns)
{
    const struct ledger *g = &m->image->ledger;
    struct totals now = regions_totals(&m->image->map);
    char text[500], size[TEXT_SIZE];
    size_t used = (size_t)snprintf(text, sizeof text, "%s   %" PRIu64 " regions, %s; ", title,
                                   now.program.regions, text_size(size, now.program.bytes));
    used += changes_text(g, text + used, sizeof text - used);
    used += (size_t)snprintf(text + used, sizeof text - used, "; ");
    used += calls_text(m->image, text + used, sizeof text - used);
    if (g->lost)
        snprintf(text + used, sizeof text - used, "; %" PRIu64 " events were LOST", g->lost);
    timeline_time(t, m, t_ns);
    line_wrap(&t->lines, text, g->unexplained || g->lost ? STYLE_RED : STYLE_PLAIN);
}

static void write_long_end(struct timeline *t, const struct model *m, const char *title,
                           uint64_t t_ns)
{
    struct totals now = regions_totals(&m->image->map);
    char text[160], size[TEXT_SIZE];
    fputc('\n', t->lines.out);
    timeline_time(t, m, t_ns);
    snprintf(text, sizeof text, "%s   %" PRIu64 " regions, %s", title, now.program.regions,
             text_size(size, now.program.bytes));
    line_call(&t->lines, text, "");
    write_totals(t, &now);
    write_ledger(t, m->image);
}

static void end_title(const struct pmt_exit *x, char *out, size_t size)
{
    const char *name = x->signal ? sigabbrev_np((int)x->signal) : NULL;
    if (x->end == PMT_END_DETACHED)
        snprintf(out, size, "DETACHED");
    else if (x->end == PMT_END_EXEC)
        snprintf(out, size, "REPLACED by another program");
    else if (x->end == PMT_END_UNTRACED)
        snprintf(out, size, "END of the trace");
    else if (x->end == PMT_END_UNKNOWN)
        snprintf(out, size, "ENDED");
    else if (name)
        snprintf(out, size, "KILLED by SIG%s", name);
    else if (x->signal)
        snprintf(out, size, "KILLED by signal %" PRIu32, x->signal);
    else
        snprintf(out, size, "EXIT %" PRId32, x->status);
}

static const char *end_remark(uint32_t end)
{
    switch (end) {
    case PMT_END_UNTRACED:
        return "the process now runs another program, which is not traced";
    case PMT_END_DETACHED:
        return "the process goes on";
    case PMT_END_UNKNOWN:
        return "the process ended; how is not known";
    }
    return NULL;
}

void timeline_end_exit(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_exit *x = (const struct pmt_exit *)event->record;
    const char *remark = end_remark(x->end);
    char title[60];
    timeline_change_catch_up(t, m);
    if (x->end == PMT_END_EXEC) { /* the next image says what it is */
        memory_put(t->shown->exec_path);
        t->shown->exec_path = NULL;
    } else if (t->shown->exec_path) {
        timeline_event_exec_ended(t, m, 0);
        remark = end_remark(PMT_END_UNTRACED);
    }
    end_title(x, title, sizeof title);
    if (m->image->of_first && x->end != PMT_END_EXEC)
        write_long_end(t, m, title, event->t_ns);
    else
        write_short_end(t, m, title, event->t_ns);
    if (x->verified)
        write_walks(t, x);
    if (remark)
        timeline_indented(t, remark, STYLE_DIM);
}

void timeline_end_missing(struct timeline *t, const struct model *m)
{
    timeline_change_catch_up(t, m);
    if (t->shown->exec_path)
        timeline_event_exec_ended(t, m, 0);
    if (m->images.total > 1 && t->last_image != m->image->number)
        timeline_time(t, m, m->image->ledger.call_ns);
    else
        line_indent(&t->lines);
    line_wrap(&t->lines, "the trace ends here, without an exit of the program", STYLE_RED);
}
