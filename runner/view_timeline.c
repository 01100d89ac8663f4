#include "view_timeline.h"
#include "caller.h"
#include "memory.h"
#include "shim/encode.h"
#include "text.h"
#include "timeline_line.h"
#include "timeline_wording.h"
#include "totals.h"
#include "why.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

/* Calls that change nothing are shown one by one while they are few: so many in a row, so many in
 * all. */
#define SHOWN_IN_A_ROW 6u
#define SHOWN_IN_ALL 120u
#define CALLER_SIZE 512

/* The ledger before the calls that were not shown since the last line; while there are such calls
 * the model does not even tell them (view.skips_calls). */
struct folded {
    uint64_t allocations, frees, bytes;
    uint64_t from; /* t_ns of the first */
};

struct timeline {
    struct view view;
    struct lines lines;
    bool all;
    unsigned in_a_row, in_all;
    struct folded folded;
    bool started;
    struct totals at_start;
    uint64_t last_call;   /* cause.seq of the call whose header was written last */
    uint64_t last_kernel; /* cause.kernel_seq likewise */
    struct cause last;    /* of that header; call is NULL if something else was written since */
    uint32_t last_tid;
    char last_why[256];
    uint64_t threshold; /* as last told */
    struct change held; /* the stack of a child, until it is unmapped again */
    bool is_held;
    char *exec_path; /* an exec that was not told yet, at exec_ns */
    uint64_t exec_ns;
    int error;
};

static void indent_line(struct timeline *t, const char *text, enum style style)
{
    line_indent(&t->lines);
    line_wrap(&t->lines, text, style);
}

static void write_folded(struct timeline *t, const struct ledger *now)
{
    const struct folded *f = &t->folded;
    char text[200], size[TEXT_SIZE];
    size_t used = 0;
    t->in_a_row = 0;
    if (!t->view.skips_calls)
        return;
    t->view.skips_calls = false;
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
    line_time(&t->lines, f->from);
    line_wrap(&t->lines, text, STYLE_DIM);
}

static void write_change(struct timeline *t, const struct model *m, const struct change *change);
static void write_exec(struct timeline *t, int error);
static void tell_threshold(struct timeline *t, const struct model *m);

/* What was held back or folded comes before whatever is written now. */
static void catch_up(struct timeline *t, const struct model *m)
{
    if (t->is_held) {
        t->is_held = false;
        write_change(t, m, &t->held);
        region_drop(t->held.after);
        memset(&t->held, 0, sizeof t->held);
    }
    write_folded(t, &m->ledger);
    tell_threshold(t, m);
    if (t->exec_path)
        write_exec(t, 0);
}

/* ---- the start ---- */

/* As many of them as fit on the line. */
static void write_arguments(struct timeline *t, const struct image *image, size_t used)
{
    for (uint32_t i = 0; i < image->argv_size; i += (uint32_t)strlen(image->argv + i) + 1) {
        size_t room = t->lines.width > used + 1 ? t->lines.width - used - 1 : 0;
        if (room < 8)
            return;
        fputc(' ', t->lines.out);
        used += 1 + text_escape(t->lines.out, image->argv + i, strlen(image->argv + i), room);
    }
}

static void write_head(struct timeline *t, const struct image *image)
{
    FILE *out = t->lines.out;
    char size[TEXT_SIZE], text[256];
    fputs("\n", out);
    line_style(&t->lines, STYLE_BOLD);
    fputs("procmap-trace", out);
    write_arguments(t, image, sizeof "procmap-trace" - 1);
    line_style(&t->lines, STYLE_PLAIN);
    snprintf(text, sizeof text, "pid %" PRIu32 ", %u-bit %s, ", image->pid, image->word_size * 8,
             image->pie ? "PIE" : "fixed address");
    fprintf(out, "\n%s", text);
    text_escape(out, image->libc, strlen(image->libc), 60);
    if (image->mmap_threshold)
        fprintf(out, ", mmap threshold %s%s", text_size(size, image->mmap_threshold),
                image->dynamic_threshold ? " (it can rise)" : "");
    fputs("\n\n", out);
    t->threshold = image->mmap_threshold;
}

static void write_hidden(struct timeline *t, const struct totals *totals)
{
    char text[200], size[TEXT_SIZE];
    const struct total *own = &totals->kinds[KIND_TRACER];
    if (t->all || !own->regions)
        return;
    snprintf(text, sizeof text,
             "(not shown: %" PRIu64
             " regions, %s, of procmap-trace itself, which are in /proc/PID/maps, too; "
             "--all shows them)",
             own->regions, text_size(size, own->bytes));
    indent_line(t, text, STYLE_DIM);
}

static void write_map(struct timeline *t, const struct regions *map)
{
    line_region_titles(&t->lines);
    for (size_t i = 0; i < map->list.count; i++) {
        const struct region *r = map->list.items[i];
        if (r->tracer && !t->all)
            continue;
        line_indent(&t->lines);
        line_region(&t->lines, r, "");
    }
}

static void on_snapshot(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_snapshot *s = (const struct pmt_snapshot *)event->record;
    char text[80], size[TEXT_SIZE];
    if (event->record->call != PMT_REASON_START || !(s->flags & PMT_SNAPSHOT_LAST))
        return;
    t->started = true;
    t->at_start = totals_of(&m->image.map);
    line_time(&t->lines, event->t_ns);
    snprintf(text, sizeof text, "START   %" PRIu64 " regions, %s", t->at_start.program.regions,
             text_size(size, t->at_start.program.bytes));
    line_call(&t->lines, text, "");
    write_map(t, &m->image.map);
    write_hidden(t, &t->at_start);
    fputc('\n', t->lines.out);
}

/* ---- allocator calls ---- */

/* The ledger without the call that is being told. */
static struct ledger before_call(const struct ledger *now, const struct pmt_alloc *a)
{
    struct ledger before = *now;
    bool frees = a->r.call == PMT_CALL_FREE;
    before.frees -= frees && a->addr;
    before.allocations -= !frees && a->addr;
    before.bytes -= !frees && a->addr ? a->size : 0;
    return before;
}

static void fold(struct timeline *t, const struct model *m, const struct event *event,
                 const struct pmt_alloc *a)
{
    struct ledger before = before_call(&m->ledger, a);
    t->view.skips_calls = true;
    t->folded = (struct folded){before.allocations, before.frees, before.bytes, event->t_ns};
}

static void write_call(struct timeline *t, const struct model *m, uint64_t t_ns, const char *left,
                       uint32_t stack_id)
{
    char caller[CALLER_SIZE];
    caller_text(m, stack_id, caller, sizeof caller);
    t->last.call = NULL;
    line_time(&t->lines, t_ns);
    line_call(&t->lines, left, caller);
}

static void on_alloc(struct timeline *t, const struct model *m, const struct event *event,
                     uint64_t seq, unsigned changes)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    char left[120], note[160];
    if (changes) { /* they bring their call with them */
        struct ledger before = before_call(&m->ledger, a);
        return write_folded(t, &before);
    }
    bool few = t->in_a_row < SHOWN_IN_A_ROW && t->in_all < SHOWN_IN_ALL;
    if (!t->all && !few)
        return fold(t, m, event, a);
    if (t->is_held)
        catch_up(t, m);
    t->in_a_row++;
    t->in_all++;
    uint64_t old = pmt_record_size(&a->r) == sizeof *a ? a->old_addr : 0;
    wording_allocator_call(left, sizeof left, a->r.call, a->r.call == PMT_CALL_FREE ? 0 : a->size,
                           old, a->addr);
    if (pmt_record_size(&a->r) == sizeof *a && a->error) {
        const char *name = encode_errno_name((int)a->error);
        snprintf(left + strlen(left), sizeof left - strlen(left), " failed: %s",
                 name ? name : "error");
    }
    write_call(t, m, event->t_ns, left, a->r.stack_id);
    if (a->r.call == PMT_CALL_FREE)
        wording_freed(m, a, note, sizeof note);
    else
        wording_placed(m, a, note, sizeof note);
    if (note[0])
        indent_line(t, note, STYLE_DIM);
    t->last_call = seq;
    t->last_why[0] = '\0';
}

/* ---- changes ---- */

/* Whether the last header is this change's, too: the same call, or one that makes several system
 * calls. */
static bool same_call(const struct timeline *t, const struct change *change)
{
    const struct cause *c = &change->cause, *last = &t->last;
    if (c->seq && c->seq == t->last_call)
        return true;
    bool same = last->call && strcmp(last->call, c->call) == 0 && t->last_tid == change->tid &&
                last->stack_id == c->stack_id;
    return same && !wording_is_system_call(c) &&
           (c->code < PMT_CALL_MALLOC || c->code > PMT_CALL_PVALLOC);
}

/* "malloc(160000) = 0xf7d5e010   main map3.c:21" and, where the call's name does not say it, the
 * system call that did it. */
static void write_cause(struct timeline *t, const struct model *m, const struct change *change)
{
    const struct cause *c = &change->cause;
    char text[200];
    if (!same_call(t, change)) {
        wording_call(c, text, sizeof text);
        write_call(t, m, c->t_ns ? c->t_ns : change->t_ns, text, c->stack_id);
        t->last_why[0] = '\0';
    }
    if (c->kernel && c->kernel_seq != t->last_kernel && !wording_is_system_call(c)) {
        wording_system_call(c, text, sizeof text);
        line_indent(&t->lines);
        line_style(&t->lines, STYLE_DIM);
        fputs("-> ", t->lines.out);
        line_style(&t->lines, STYLE_PLAIN);
        fprintf(t->lines.out, "%s\n", text);
    }
    t->last_call = c->seq;
    t->last = *c;
    t->last_tid = change->tid;
    t->last_kernel = c->kernel_seq;
}

static const struct {
    char sign;
    enum style style;
} looks[] = {
    [CHANGE_ADDED] = {'+', STYLE_GREEN},  [CHANGE_REMOVED] = {'-', STYLE_RED},
    [CHANGE_GROWN] = {'^', STYLE_GREEN},  [CHANGE_SHRUNK] = {'v', STYLE_YELLOW},
    [CHANGE_MOVED] = {'>', STYLE_YELLOW}, [CHANGE_PROTECTION] = {'*', STYLE_YELLOW},
    [CHANGE_SPLIT] = {'<', STYLE_YELLOW}, [CHANGE_MERGED] = {'=', STYLE_YELLOW},
};

static void write_region(struct timeline *t, const struct change *change)
{
    char note[64];
    const struct lines *l = &t->lines;
    wording_note(change, note, sizeof note);
    line_style(l, looks[change->type].style);
    fprintf(l->out, "%c %-*s", looks[change->type].sign, LINE_INDENT - 2,
            change_name(change->type));
    const struct region *r = change->after ? change->after : change->before;
    line_region(l, change->type == CHANGE_SPLIT ? change->before : r, note);
    for (size_t i = 0; change->type == CHANGE_SPLIT && i < change->parts.count; i++) {
        line_indent(l);
        line_region(l, change->parts.items[i], i + 1 < change->parts.count ? "|-" : "`-");
    }
}

static void write_change(struct timeline *t, const struct model *m, const struct change *change)
{
    char why[256];
    write_cause(t, m, change);
    write_region(t, change);
    why_text(m, change, why, sizeof why);
    if (why[0] && strcmp(why, t->last_why) != 0)
        indent_line(t, why, STYLE_DIM);
    memcpy(t->last_why, why, sizeof why);
}

static bool is_childs_stack(const struct change *change)
{
    const struct cause *c = &change->cause;
    bool starts_child = c->code >= PMT_CALL_SYSTEM && c->code <= PMT_CALL_POSIX_SPAWNP;
    return change->type == CHANGE_ADDED && starts_child && change->after->kind == KIND_THREAD_STACK;
}

static void write_childs_stack(struct timeline *t, const struct model *m,
                               const struct change *change)
{
    char text[200], size[TEXT_SIZE];
    write_folded(t, &m->ledger);
    wording_call(&change->cause, text, sizeof text);
    write_call(t, m, t->held.t_ns, text, change->cause.stack_id);
    snprintf(text, sizeof text, "a stack of %s for the child process was mapped and unmapped again",
             text_size(size, region_size(t->held.after)));
    indent_line(t, text, STYLE_DIM);
    region_drop(t->held.after);
    memset(&t->held, 0, sizeof t->held);
    t->is_held = false;
    t->last_call = change->cause.seq;
    t->last_kernel = change->cause.kernel_seq;
}

static void on_change(struct view *view, const struct model *m, const struct change *change,
                      uint64_t seq)
{
    (void)seq;
    struct timeline *t = (struct timeline *)view;
    if (change->tracer && !t->all)
        return;
    if (t->is_held && change->type == CHANGE_REMOVED && change->cause.code == t->held.cause.code &&
        change->before->raw.start == t->held.after->raw.start && change->tid == t->held.tid)
        return write_childs_stack(t, m, change);
    catch_up(t, m);
    if (is_childs_stack(change)) {
        t->held = *change;
        t->held.before = NULL;
        t->held.parts = (struct region_list){0};
        region_keep(t->held.after);
        t->is_held = true;
        return;
    }
    write_change(t, m, change);
}

/* ---- the rest ---- */

static void on_kernel(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_kernel *k = (const struct pmt_kernel *)event->record;
    char text[200];
    bool failed = k->result < 0 && k->result > -4096 && k->r.call != PMT_CALL_BRK;
    bool refused = k->r.call == PMT_CALL_BRK && k->args[0] && (uint64_t)k->result < k->args[0];
    if (!failed && !refused)
        return;
    catch_up(t, m);
    struct cause c = {.kernel = k->r.call, .result = k->result, .old_brk = k->old_brk};
    memcpy(c.args, k->args, sizeof c.args);
    const char *error = failed ? encode_errno_name((int)-k->result) : "ENOMEM";
    if (refused)
        snprintf(text, sizeof text, "brk to 0x%" PRIx64 " failed: %s", k->args[0], error);
    else {
        wording_system_call(&c, text, sizeof text);
        char *result = strstr(text, " = ");
        size_t used = result ? (size_t)(result - text) : strlen(text);
        snprintf(text + used, sizeof text - used, " failed: %s", error ? error : "error");
    }
    write_call(t, m, event->t_ns, text, k->r.stack_id);
    t->last_call = 0;
}

static void on_mallopt(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_mallopt *o = (const struct pmt_mallopt *)event->record;
    static const char *const names[] = {"M_TRIM_THRESHOLD", "M_TOP_PAD",      "M_MMAP_THRESHOLD",
                                        "M_MMAP_MAX",       "M_CHECK_ACTION", "M_PERTURB",
                                        "M_ARENA_TEST",     "M_ARENA_MAX"};
    char text[100];
    catch_up(t, m);
    if (o->param <= -1 && o->param >= -8)
        snprintf(text, sizeof text, "mallopt(%s, %" PRId64 ")", names[-o->param - 1], o->value);
    else
        snprintf(text, sizeof text, "mallopt(%" PRId64 ", %" PRId64 ")", o->param, o->value);
    write_call(t, m, event->t_ns, text, o->r.stack_id);
    t->last_call = 0;
}

static void tell_threshold(struct timeline *t, const struct model *m)
{
    char text[160], was[TEXT_SIZE], now[TEXT_SIZE];
    if (m->image.mmap_threshold == t->threshold)
        return;
    snprintf(
        text, sizeof text,
        "from now on the mmap threshold is %s (was %s): malloc expects more blocks of that size",
        text_size(now, m->image.mmap_threshold), text_size(was, t->threshold));
    t->threshold = m->image.mmap_threshold;
    indent_line(t, text, STYLE_DIM);
}

/* An exec is told when it is known how it went: a record with an error follows one that failed. */
static void hold_exec(struct timeline *t, const struct event *event)
{
    const struct pmt_exec *x = (const struct pmt_exec *)event->record;
    memory_put(t->exec_path);
    t->exec_path = memory_get(x->path_size + 1u);
    memcpy(t->exec_path, x + 1, x->path_size);
    t->exec_ns = event->t_ns;
}

static void write_exec(struct timeline *t, int error)
{
    const char *name = encode_errno_name(error);
    line_time(&t->lines, t->exec_ns);
    line_style(&t->lines, STYLE_BOLD);
    fputs("EXEC ", t->lines.out);
    line_style(&t->lines, STYLE_PLAIN);
    text_escape(t->lines.out, t->exec_path, strlen(t->exec_path), 0);
    if (error)
        fprintf(t->lines.out, " failed: %s", name ? name : "error");
    fputc('\n', t->lines.out);
    if (!error)
        indent_line(t, "the process now runs another program, with a new map, which is not traced",
                    STYLE_DIM);
    memory_put(t->exec_path);
    t->exec_path = NULL;
}

static void on_exec(struct timeline *t, const struct model *m, const struct event *event)
{
    int error = ((const struct pmt_exec *)event->record)->error;
    if (!error || !t->exec_path) {
        catch_up(t, m);
        hold_exec(t, event);
    }
    if (error)
        write_exec(t, error);
}

static void on_loss(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_lost *lost = (const struct pmt_lost *)event->record;
    char text[160];
    catch_up(t, m);
    line_time(&t->lines, event->t_ns);
    snprintf(text, sizeof text, "LOST %" PRIu64 " event%s: %s", lost->count,
             lost->count == 1 ? "" : "s", encode_loss_name(lost->r.call));
    line_wrap(&t->lines, text, STYLE_RED);
}

static void write_totals(struct timeline *t, const struct totals *now)
{
    FILE *out = t->lines.out;
    line_indent(&t->lines);
    line_style(&t->lines, STYLE_DIM);
    fprintf(out, "%-14s %8s %8s %12s", "kind", "regions", "size", "since START");
    line_end(&t->lines);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        const struct total *a = &now->kinds[kind], *b = &t->at_start.kinds[kind];
        char size[TEXT_SIZE], delta[TEXT_SIZE], sign[2] = "";
        if ((!a->regions && !b->regions) || (kind == KIND_TRACER && !t->all))
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

static void write_ledger(struct timeline *t, const struct model *m)
{
    const struct ledger *g = &m->ledger;
    char text[300], live[TEXT_SIZE];
    if (g->unexplained)
        snprintf(text, sizeof text,
                 "%" PRIu64 " changes of the map, %" PRIu64 " of them UNEXPLAINED", g->changes,
                 g->unexplained);
    else
        snprintf(text, sizeof text, "%" PRIu64 " change%s of the map, all explained", g->changes,
                 g->changes == 1 ? "" : "s");
    indent_line(t, text, g->unexplained ? STYLE_RED : STYLE_BOLD);
    snprintf(text, sizeof text,
             "%" PRIu64 " allocation%s, %" PRIu64 " free%s; not freed: %zu block%s, %s",
             g->allocations, g->allocations == 1 ? "" : "s", g->frees, g->frees == 1 ? "" : "s",
             m->allocations.count, m->allocations.count == 1 ? "" : "s",
             text_size(live, m->allocations.bytes));
    indent_line(t, text, STYLE_PLAIN);
    if (g->lost) {
        snprintf(text, sizeof text, "%" PRIu64 " events were LOST", g->lost);
        indent_line(t, text, STYLE_RED);
    }
}

static void write_end(struct timeline *t, const struct model *m, const char *title, uint64_t t_ns)
{
    struct totals now = totals_of(&m->image.map);
    char text[120], size[TEXT_SIZE];
    catch_up(t, m);
    fputc('\n', t->lines.out);
    line_time(&t->lines, t_ns);
    snprintf(text, sizeof text, "%s   %" PRIu64 " regions, %s", title, now.program.regions,
             text_size(size, now.program.bytes));
    line_call(&t->lines, text, "");
    write_totals(t, &now);
    write_ledger(t, m);
}

static void on_exit_event(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_exit *x = (const struct pmt_exit *)event->record;
    char title[60];
    const char *name = x->signal ? sigabbrev_np((int)x->signal) : NULL;
    if (name)
        snprintf(title, sizeof title, "KILLED by SIG%s", name);
    else if (x->signal)
        snprintf(title, sizeof title, "KILLED by signal %" PRIu32, x->signal);
    else
        snprintf(title, sizeof title, "EXIT %" PRId32, x->status);
    write_end(t, m, title, event->t_ns);
}

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     uint64_t seq, unsigned changes)
{
    struct timeline *t = (struct timeline *)view;
    if (event->record->type == PMT_RECORD_ALLOC) {
        if (m->image.mmap_threshold != t->threshold)
            tell_threshold(t, m);
        return on_alloc(t, m, event, seq, changes);
    }
    switch (event->record->type) {
    case PMT_RECORD_PROCESS:
        t->lines.address_width = m->image.word_size == 8 ? 12 : 8;
        return write_head(t, &m->image);
    case PMT_RECORD_SNAPSHOT:
        return on_snapshot(t, m, event);
    case PMT_RECORD_KERNEL:
        return on_kernel(t, m, event);
    case PMT_RECORD_MALLOPT:
        return on_mallopt(t, m, event);
    case PMT_RECORD_EXEC:
        return on_exec(t, m, event);
    case PMT_RECORD_LOSS:
        return on_loss(t, m, event);
    case PMT_RECORD_EXIT:
        return on_exit_event(t, m, event);
    }
}

static void on_flush(struct view *view)
{
    struct timeline *t = (struct timeline *)view;
    if (fflush(t->lines.out) != 0 && !t->error)
        t->error = -errno;
}

static int on_close(struct view *view, const struct model *m)
{
    struct timeline *t = (struct timeline *)view;
    if (m->started && !m->ended) {
        catch_up(t, m);
        indent_line(t, "the trace ends here, without an exit of the program", STYLE_RED);
    }
    on_flush(view);
    if (fclose(t->lines.out) != 0 && !t->error)
        t->error = -errno;
    int error = t->error;
    memory_put(t->exec_path);
    memory_put(t);
    return error;
}

struct view *view_timeline_new(FILE *out, const struct timeline_options *options)
{
    struct timeline *t = memory_get(sizeof *t);
    t->view =
        (struct view){.event = on_event, .change = on_change, .flush = on_flush, .close = on_close};
    t->lines = (struct lines){out, options->color, options->width, 8};
    t->all = options->all;
    setvbuf(out, NULL, _IOFBF, 64u << 10);
    return &t->view;
}
