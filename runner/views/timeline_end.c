#include "runner/views/timeline_end.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/model/heap_use.h"
#include "runner/views/end_words.h"
#include "runner/views/timeline_change.h"
#include "runner/views/timeline_event.h"
#include "runner/views/timeline_map.h"
#include <inttypes.h>
#include <string.h>

static size_t calls_text(const struct image *image, char *out, size_t size)
{
    const struct ledger *g = &image->ledger;
    char live[TEXT_SIZE];
    if (image->blind)
        return (size_t)snprintf(out, size, _("calls of malloc and free could not be seen"));
    return (size_t)snprintf(
        out, size, _("%" PRIu64 " allocation%s, %" PRIu64 " free%s; not freed: %zu block%s, %s"),
        g->allocations, g->allocations == 1 ? "" : "s", g->frees, g->frees == 1 ? "" : "s",
        image->allocations.count, image->allocations.count == 1 ? "" : "s",
        text_size(live, image->allocations.bytes));
}

static size_t unfollowed_text(const struct ledger *g, char *out, size_t size)
{
    return (size_t)snprintf(out, size, _("%" PRIu64 " child%s NOT FOLLOWED"), g->unfollowed,
                            g->unfollowed == 1 ? "" : _("ren"));
}

static size_t lost_text(const struct ledger *g, char *out, size_t size)
{
    uint64_t events = g->lost - g->stacks_lost;
    int used = 0;
    if (events)
        used = snprintf(out, size, _("%" PRIu64 " event%s LOST"), events,
                        events == 1 ? _(" was") : _("s were"));
    if (g->stacks_lost)
        used += snprintf(out + used, size - (size_t)used,
                         _("%sthe call stacks of %" PRIu64 " calls were LOST: there was no memory "
                           "for more different ones"),
                         events ? "; " : "", g->stacks_lost);
    return (size_t)used;
}

static size_t forbidden_text(const struct image *image, char *out, size_t size)
{
    return (size_t)snprintf(out, size,
                            _("NOT LOOKED AT since %.3f ms, when the program forbade it"),
                            (double)image->forbidden_ns / 1e6);
}

/* "heap: 4K of 884K in use, by 1 block" */
static void write_heap(struct timeline *t, const struct model *m)
{
    struct heap_use use;
    char text[600], kept[400], used[TEXT_SIZE], bytes[TEXT_SIZE];
    if (!heap_use_of(m->image, &use))
        return;
    end_heap_kept(m, &use, kept, sizeof kept);
    text_size(bytes, use.bytes);
    if (use.blocks)
        snprintf(text, sizeof text, _("heap: %s of %s in use, by %" PRIu64 " block%s%s"),
                 text_size(used, use.used), bytes, use.blocks, use.blocks == 1 ? "" : "s", kept);
    else
        snprintf(text, sizeof text, _("heap: nothing of %s in use%s"), bytes, kept);
    timeline_indented(t, text, STYLE_PLAIN);
}

static size_t unseen_text(const struct ledger *g, char *out, size_t size)
{
    return (size_t)snprintf(out, size,
                            _("NOT SEEN: calls of the kernel past the C library, of which there %s "
                              "%" PRIu64 " in the code (--backend=ptrace sees them)"),
                            g->unseen == 1 ? _("is") : _("are"), g->unseen);
}

static void write_ledger(struct timeline *t, const struct image *image)
{
    const struct ledger *g = &image->ledger;
    char text[300];
    end_changes(g, text, sizeof text);
    timeline_indented(t, text, g->unexplained ? STYLE_RED : STYLE_BOLD);
    calls_text(image, text, sizeof text);
    timeline_indented(t, text, STYLE_PLAIN);
    if (g->lost) {
        lost_text(g, text, sizeof text);
        timeline_indented(t, text, STYLE_RED);
    }
    if (image->forbidden) {
        forbidden_text(image, text, sizeof text);
        timeline_indented(t, text, STYLE_BOLD);
    }
    if (g->unseen) {
        unseen_text(g, text, sizeof text);
        timeline_indented(t, text, STYLE_BOLD);
    }
    if (g->unfollowed) {
        unfollowed_text(g, text, sizeof text);
        timeline_indented(t, text, STYLE_BOLD);
    }
}

static void write_walks(struct timeline *t, const struct pmt_exit *x)
{
    const uint32_t *n = x->walks;
    char text[300];
    snprintf(text, sizeof text,
             _("%" PRIu32 " walks of stacks verified: %" PRIu32 " differ from libunwind's, %" PRIu32
               " by libunwind only, %" PRIu32 " cut where there are no unwind tables"),
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
    size_t used = (size_t)snprintf(text, sizeof text, _("%s   %" PRIu64 " regions, %s; "), title,
                                   now.program.regions, text_size(size, now.program.bytes));
    used += end_changes(g, text + used, sizeof text - used);
    used += (size_t)snprintf(text + used, sizeof text - used, "; ");
    used += calls_text(m->image, text + used, sizeof text - used);
    if (g->lost) {
        used += (size_t)snprintf(text + used, sizeof text - used, "; ");
        used += lost_text(g, text + used, sizeof text - used);
    }
    if (m->image->forbidden) {
        used += (size_t)snprintf(text + used, sizeof text - used, "; ");
        used += forbidden_text(m->image, text + used, sizeof text - used);
    }
    if (g->unseen) {
        used += (size_t)snprintf(text + used, sizeof text - used, "; ");
        used += unseen_text(g, text + used, sizeof text - used);
    }
    if (g->unfollowed) {
        used += (size_t)snprintf(text + used, sizeof text - used, "; ");
        unfollowed_text(g, text + used, sizeof text - used);
    }
    timeline_time(t, m, t_ns);
    line_wrap(&t->lines, text, g->unexplained || g->lost ? STYLE_RED : STYLE_PLAIN);
}

/* What would make the next run say more. */
static void write_hints(struct timeline *t)
{
    if (t->shown->lacks_lines && !t->shown->has_lines)
        timeline_indented(t, _("(compile with -g: then calls have their line)"), STYLE_DIM);
}

static void write_long_end(struct timeline *t, const struct model *m, const char *title,
                           uint64_t t_ns)
{
    struct totals now = regions_totals(&m->image->map);
    char text[240], size[TEXT_SIZE];
    fputc('\n', t->lines.out);
    timeline_time(t, m, t_ns);
    snprintf(text, sizeof text, _("%s   %" PRIu64 " regions, %s"), title, now.program.regions,
             text_size(size, now.program.bytes));
    line_call(&t->lines, text, "");
    timeline_map_totals(t, &now);
    write_ledger(t, m->image);
    write_heap(t, m);
    write_hints(t);
}

static const char *end_remark(uint32_t end)
{
    switch (end) {
    case PMT_END_UNTRACED:
        return _("the process now runs another program, which is not traced");
    case PMT_END_DETACHED:
        return _("the process goes on");
    case PMT_END_UNKNOWN:
        return _("the process ended; how is not known");
    }
    return NULL;
}

void timeline_end(struct timeline *t, const struct model *m, const struct event *event)
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
    if (call_is_fatal_signal(x->signal) && !t->shown->has_last_words)
        remark = _("without last words: procmap-trace(1) says when there are none");
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
    line_wrap(&t->lines, _("the trace ends here, without an exit of the program"), STYLE_RED);
}
