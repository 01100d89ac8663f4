#include "runner/views/timeline_image.h"
#include "runner/base/memory.h"
#include "runner/base/shell_word.h"
#include "runner/base/text.h"
#include "runner/views/timeline_change.h"
#include "runner/views/timeline_event.h"
#include "runner/views/timeline_map.h"
#include <inttypes.h>
#include <signal.h>
#include <string.h>

/* ---- the beginning ---- */

/* As a shell needs them, as many as fit on the line. */
static void write_arguments(const struct timeline *t, const struct image *image, size_t used)
{
    char word[1000];
    for (uint32_t i = 0; i < image->argv_size; i += (uint32_t)strlen(image->argv + i) + 1) {
        size_t room = t->lines.width > used + 1 ? t->lines.width - used - 1 : 0;
        size_t length = shell_word(word, sizeof word, image->argv + i);
        bool last = i + strlen(image->argv + i) + 1 >= image->argv_size;
        if (room < 12 || (!last && room < length + 4)) {
            fputs(room >= 3 ? " ..." : "", t->lines.out);
            return;
        }
        fputc(' ', t->lines.out);
        used += 1 + text_escape(t->lines.out, word, length, room);
    }
}

/* "pid 8123, 32-bit PIE, glibc 2.36, mmap threshold 128K (it can rise)" */
static void write_facts(struct timeline *t, const struct image *image, enum style style)
{
    char text[400] = "", size[TEXT_SIZE];
    const char *libc = image->libc[0] ? image->libc : "unknown C library";
    FILE *out = fmemopen(text, sizeof text, "w");
    if (!out)
        return;
    fprintf(out, "pid %" PRIu32 ", %u-bit %s%s, ", image->pid, image->word_size * 8,
            image->statically_linked ? "static " : "", image->pie ? "PIE" : "fixed address");
    text_escape(out, libc, strlen(libc), 60);
    if (image->thresholds.mmap)
        fprintf(out, ", mmap threshold %s%s", text_size(size, image->thresholds.mmap),
                image->dynamic_threshold ? " (it can rise)" : "");
    fclose(out);
    line_wrap(&t->lines, text, style);
}

/* What can be seen, and of whose malloc. "": nothing special. */
static void seeing_text(const struct image *image, char *out, size_t size)
{
    bool by_ptrace = image->backend == PMT_BACKEND_PTRACE;
    bool own = strcmp(image->allocator, image->exe) == 0;
    const char *by = by_ptrace ? "seen by ptrace" : "", *with = by_ptrace ? "; " : "";
    FILE *text = fmemopen(out, size, "w");
    out[0] = '\0';
    if (!text)
        return;
    if (own)
        fprintf(text, "%s%sit has its own malloc%s", by, with,
                !image->blind ? ""
                : by_ptrace   ? ": its calls cannot be seen"
                              : "; its calls are only seen by --backend=ptrace");
    else if (image->allocator[0]) {
        fprintf(text, "%s%sits malloc is that of ", by, with);
        text_escape(text, basename(image->allocator), strlen(basename(image->allocator)), 60);
    } else if (image->blind)
        fprintf(text, "%s%smalloc cannot be seen%s", by, with, by_ptrace ? ": no symbols" : "");
    else
        fputs(by, text);
    fclose(text);
}

static void write_head(struct timeline *t, const struct image *image)
{
    FILE *out = t->lines.out;
    char seeing[200];
    fputs("\n", out);
    line_style(&t->lines, STYLE_BOLD);
    fputs("procmap-trace", out);
    write_arguments(t, image, sizeof "procmap-trace" - 1);
    line_style(&t->lines, STYLE_PLAIN);
    fputc('\n', out);
    t->lines.column = 0;
    write_facts(t, image, STYLE_PLAIN);
    seeing_text(image, seeing, sizeof seeing);
    if (seeing[0])
        line_wrap(&t->lines, seeing, STYLE_PLAIN);
    fputc('\n', out);
}

/* The program by its path, since its argv[0] may be anything, and the rest of its arguments. */
static void write_program(struct timeline *t, const struct image *image, const char *verb)
{
    const struct lines *l = &t->lines;
    size_t used = l->column + strlen(verb) + 1;
    size_t room = l->width > used + 20 ? l->width - used : 20;
    line_style(l, STYLE_BOLD);
    fprintf(l->out, "%s ", verb);
    line_style(l, STYLE_PLAIN);
    used += text_escape(l->out, image->exe, strlen(image->exe), room);
    size_t first = image->argv_size ? strlen(image->argv) + 1 : 0;
    struct image rest = {.argv = image->argv + first,
                         .argv_size = image->argv_size - (uint32_t)first};
    write_arguments(t, &rest, used);
    fputc('\n', l->out);
}

/* A further image: one line, or two. */
static void write_next_head(struct timeline *t, const struct model *m, uint64_t t_ns)
{
    const struct image *image = m->image;
    char text[60], seeing[200];
    timeline_time(t, m, t_ns);
    if (image->origin == PMT_ORIGIN_FORK) {
        snprintf(text, sizeof text, "forked from %" PRIu32, image->ppid);
        return line_call(&t->lines, text, "");
    }
    write_program(t, image, image->origin == PMT_ORIGIN_EXEC ? "EXEC" : "START");
    line_indent(&t->lines);
    write_facts(t, image, STYLE_DIM);
    seeing_text(image, seeing, sizeof seeing);
    if (seeing[0])
        timeline_indented(t, seeing, STYLE_DIM);
}

void timeline_image_begins(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct image *image = m->image;
    t->shown->threshold = image->thresholds.mmap;
    if (m->images.total == 1)
        write_head(t, image);
    else
        write_next_head(t, m, event->t_ns);
}

static void write_whole_map(struct timeline *t, const struct model *m, uint64_t t_ns)
{
    const struct total *program = &t->shown->at_start.program;
    char text[80], size[TEXT_SIZE];
    timeline_time(t, m, t_ns);
    snprintf(text, sizeof text, "START   %" PRIu64 " regions, %s", program->regions,
             text_size(size, program->bytes));
    line_call(&t->lines, text, "");
    timeline_map_table(t, &m->image->map);
    fputc('\n', t->lines.out);
}

/* A child: what a reader does not know yet. */
static void write_short_map(struct timeline *t, const struct image *image)
{
    const struct total *program = &t->shown->at_start.program;
    const struct regions *map = &image->map, *had = &image->inherited;
    char text[120], size[TEXT_SIZE];
    const char *as = "";
    text_size(size, program->bytes);
    if (had->list.count) {
        bool differs = timeline_map_only_in(t, map, had, '+', true) ||
                       timeline_map_only_in(t, had, map, '-', true);
        as = differs ? "its parent's map, but for the regions below: " : "same map as its parent: ";
    }
    snprintf(text, sizeof text, "%s%" PRIu64 " regions, %s", as, program->regions, size);
    timeline_indented(t, text, STYLE_DIM);
    if (had->list.count) {
        timeline_map_only_in(t, had, map, '-', false);
        timeline_map_only_in(t, map, had, '+', false);
    }
}

void timeline_image_mapped(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_snapshot *s = (const struct pmt_snapshot *)event->record;
    if (event->record->call != PMT_REASON_START || !(s->flags & PMT_SNAPSHOT_LAST))
        return;
    t->shown->at_start = regions_totals(&m->image->map);
    if (m->image->of_first || t->output.all)
        return write_whole_map(t, m, event->t_ns);
    if (t->last_image != m->image->number) /* another image's line came in between */
        write_next_head(t, m, event->t_ns);
    write_short_map(t, m->image);
}

/* ---- the end ---- */

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

static size_t unfollowed_text(const struct ledger *g, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "%" PRIu64 " child%s NOT FOLLOWED", g->unfollowed,
                            g->unfollowed == 1 ? "" : "ren");
}

static size_t lost_text(const struct ledger *g, char *out, size_t size)
{
    uint64_t events = g->lost - g->stacks_lost;
    int used = 0;
    if (events)
        used = snprintf(out, size, "%" PRIu64 " event%s LOST", events,
                        events == 1 ? " was" : "s were");
    if (g->stacks_lost)
        used += snprintf(out + used, size - (size_t)used,
                         "%sthe call stacks of %" PRIu64 " calls were LOST: there was no memory "
                         "for more different ones",
                         events ? "; " : "", g->stacks_lost);
    return (size_t)used;
}

static size_t forbidden_text(const struct image *image, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "NOT LOOKED AT since %.3f ms, when the program forbade it",
                            (double)image->forbidden_ns / 1e6);
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
        lost_text(g, text, sizeof text);
        timeline_indented(t, text, STYLE_RED);
    }
    if (image->forbidden) {
        forbidden_text(image, text, sizeof text);
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
    if (g->lost) {
        used += (size_t)snprintf(text + used, sizeof text - used, "; ");
        used += lost_text(g, text + used, sizeof text - used);
    }
    if (m->image->forbidden) {
        used += (size_t)snprintf(text + used, sizeof text - used, "; ");
        used += forbidden_text(m->image, text + used, sizeof text - used);
    }
    if (g->unfollowed) {
        used += (size_t)snprintf(text + used, sizeof text - used, "; ");
        unfollowed_text(g, text + used, sizeof text - used);
    }
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
    timeline_map_totals(t, &now);
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

void timeline_image_ends(struct timeline *t, const struct model *m, const struct event *event)
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
        remark = "without last words: procmap-trace(1) says when there are none";
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

void timeline_image_stops(struct timeline *t, const struct model *m)
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
