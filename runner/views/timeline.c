#include "runner/views/timeline.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/base/write_all.h"
#include "runner/views/caller.h"
#include "runner/views/timeline_parts.h"
#include "runner/views/timeline_wording.h"
#include "schemas/names.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Calls that change nothing are shown one by one while they are few: so many in a row, so many in
 * all. */
#define SHOWN_IN_A_ROW 6u
#define SHOWN_IN_ALL 120u

/* Whatever is written from now on is about this image. */
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
    line_time(&t->lines, t_ns);
}

void timeline_indented(struct timeline *t, const char *text, enum style style)
{
    line_indent(&t->lines);
    line_wrap(&t->lines, text, style);
}

void timeline_folded(struct timeline *t, const struct model *m, const struct ledger *now)
{
    const struct folded *f = &t->shown->folded;
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
    timeline_time(t, m, f->from);
    line_wrap(&t->lines, text, STYLE_DIM);
}

static void tell_threshold(struct timeline *t, const struct model *m)
{
    char text[160], was[TEXT_SIZE], now[TEXT_SIZE];
    if (m->image->mmap_threshold == t->shown->threshold)
        return;
    snprintf(
        text, sizeof text,
        "from now on the mmap threshold is %s (was %s): malloc expects more blocks of that size",
        text_size(now, m->image->mmap_threshold), text_size(was, t->shown->threshold));
    t->shown->threshold = m->image->mmap_threshold;
    if (t->last_image == m->image->number)
        return timeline_indented(t, text, STYLE_DIM);
    timeline_time(t, m, m->image->ledger.call_ns);
    line_wrap(&t->lines, text, STYLE_DIM);
}

void timeline_catch_up(struct timeline *t, const struct model *m)
{
    if (t->shown->is_held)
        timeline_held(t, m);
    timeline_folded(t, m, &m->image->ledger);
    tell_threshold(t, m);
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
    struct ledger before = before_call(&m->image->ledger, a);
    m->image->skipped_by |= 1u << t->view.index;
    t->shown->folded = (struct folded){before.allocations, before.frees, before.bytes, event->t_ns};
}

void timeline_call(struct timeline *t, const struct model *m, uint64_t t_ns, const char *left,
                   uint32_t stack_id)
{
    char caller[CALLER_SIZE];
    caller_text(m, stack_id, caller, sizeof caller);
    timeline_time(t, m, t_ns);
    line_call(&t->lines, left, caller);
}

static void on_alloc(struct timeline *t, const struct model *m, const struct event *event,
                     uint64_t seq, unsigned changes)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    char left[120], note[160];
    if (changes) { /* they bring their call with them */
        struct ledger before = before_call(&m->image->ledger, a);
        return timeline_folded(t, m, &before);
    }
    bool few = t->shown->in_a_row < SHOWN_IN_A_ROW && t->in_all < SHOWN_IN_ALL;
    if (!t->all && !few)
        return fold(t, m, event, a);
    if (t->shown->is_held)
        timeline_catch_up(t, m);
    t->shown->in_a_row++;
    t->in_all++;
    uint64_t old = pmt_record_size(&a->r) == sizeof *a ? a->old_addr : 0;
    wording_allocator_call(left, sizeof left, a->r.call, a->r.call == PMT_CALL_FREE ? 0 : a->size,
                           old, a->addr);
    if (pmt_record_size(&a->r) == sizeof *a && a->error) {
        const char *name = names_errno((int)a->error);
        snprintf(left + strlen(left), sizeof left - strlen(left), " failed: %s",
                 name ? name : "error");
    }
    timeline_call(t, m, event->t_ns, left, a->r.stack_id);
    if (a->r.call == PMT_CALL_FREE)
        wording_freed(m, a, note, sizeof note);
    else
        wording_placed(m, a, note, sizeof note);
    if (note[0])
        timeline_indented(t, note, STYLE_DIM);
    t->last_call = seq;
    t->last_why[0] = '\0';
}

/* ---- what needs one line ---- */

static void on_kernel(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_kernel *k = (const struct pmt_kernel *)event->record;
    char text[200];
    bool failed = k->result < 0 && k->result > -4096 && k->r.call != PMT_CALL_BRK;
    bool refused = k->r.call == PMT_CALL_BRK && k->args[0] && (uint64_t)k->result < k->args[0];
    if (!failed && !refused)
        return;
    timeline_catch_up(t, m);
    struct cause c = {.kernel = k->r.call, .result = k->result, .old_brk = k->old_brk};
    memcpy(c.args, k->args, sizeof c.args);
    const char *error = failed ? names_errno((int)-k->result) : "ENOMEM";
    if (refused)
        snprintf(text, sizeof text, "brk to 0x%" PRIx64 " failed: %s", k->args[0], error);
    else {
        wording_system_call(&c, text, sizeof text);
        char *result = strstr(text, " = ");
        size_t used = result ? (size_t)(result - text) : strlen(text);
        snprintf(text + used, sizeof text - used, " failed: %s", error ? error : "error");
    }
    timeline_call(t, m, event->t_ns, text, k->r.stack_id);
}

static void on_mallopt(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_mallopt *o = (const struct pmt_mallopt *)event->record;
    static const char *const names[] = {"M_TRIM_THRESHOLD", "M_TOP_PAD",      "M_MMAP_THRESHOLD",
                                        "M_MMAP_MAX",       "M_CHECK_ACTION", "M_PERTURB",
                                        "M_ARENA_TEST",     "M_ARENA_MAX"};
    char text[100];
    timeline_catch_up(t, m);
    if (o->param <= -1 && o->param >= -8)
        snprintf(text, sizeof text, "mallopt(%s, %" PRId64 ")", names[-o->param - 1], o->value);
    else
        snprintf(text, sizeof text, "mallopt(%" PRId64 ", %" PRId64 ")", o->param, o->value);
    timeline_call(t, m, event->t_ns, text, o->r.stack_id);
}

/* An exec is told when it is known how it went: a record with an error follows one that failed, the
 * image's end one that did not. */
static void hold_exec(struct timeline *t, const struct event *event)
{
    const struct pmt_exec *x = (const struct pmt_exec *)event->record;
    memory_put(t->shown->exec_path);
    t->shown->exec_path = memory_get(x->path_size + 1u);
    memcpy(t->shown->exec_path, x + 1, x->path_size);
    t->shown->exec_ns = event->t_ns;
}

void timeline_exec(struct timeline *t, const struct model *m, int error)
{
    const char *name = names_errno(error);
    char *path = t->shown->exec_path;
    timeline_time(t, m, t->shown->exec_ns);
    line_style(&t->lines, STYLE_BOLD);
    fputs("EXEC ", t->lines.out);
    line_style(&t->lines, STYLE_PLAIN);
    size_t used = t->lines.column + strlen("EXEC  failed: ENAMETOOLONG");
    text_escape(t->lines.out, path, strlen(path),
                t->lines.width > used + 20 ? t->lines.width - used : 20);
    if (error)
        fprintf(t->lines.out, " failed: %s", name ? name : "error");
    fputc('\n', t->lines.out);
    memory_put(path);
    t->shown->exec_path = NULL;
}

static void on_exec(struct timeline *t, const struct model *m, const struct event *event)
{
    int error = ((const struct pmt_exec *)event->record)->error;
    timeline_catch_up(t, m);
    if (!error || !t->shown->exec_path)
        hold_exec(t, event);
    if (error)
        timeline_exec(t, m, error);
}

static void on_thread(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_thread *record = (const struct pmt_thread *)event->record;
    const struct region *r = record->stack ? regions_find(&m->image->map, record->stack) : NULL;
    char text[160];
    timeline_catch_up(t, m);
    if (record->event == PMT_THREAD_END) {
        snprintf(text, sizeof text, "thread %" PRIu32 " ended", record->r.tid);
    } else {
        int used = snprintf(text, sizeof text, "thread %" PRIu32 " started by %" PRIu32,
                            record->r.tid, record->creator);
        if (r)
            snprintf(text + used, sizeof text - (size_t)used, ", stack %0*" PRIx64 "-%0*" PRIx64,
                     (int)t->lines.address_width, r->raw.start, (int)t->lines.address_width,
                     r->raw.end);
    }
    timeline_call(t, m, event->t_ns, text, record->r.stack_id);
}

static void on_fork(struct timeline *t, const struct model *m, const struct event *event)
{
    char text[40];
    timeline_catch_up(t, m);
    snprintf(text, sizeof text, "%s()", names_call(event->record->call));
    timeline_call(t, m, event->t_ns, text, event->record->stack_id);
}

static void on_loss(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_lost *lost = (const struct pmt_lost *)event->record;
    char text[160];
    timeline_catch_up(t, m);
    timeline_time(t, m, event->t_ns);
    snprintf(text, sizeof text, "LOST %" PRIu64 " event%s: %s", lost->count,
             lost->count == 1 ? "" : "s", names_loss(lost->r.call));
    line_wrap(&t->lines, text, STYLE_RED);
}

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     uint64_t seq, unsigned changes)
{
    struct timeline *t = (struct timeline *)view;
    timeline_enter(t, m);
    switch (event->record->type) {
    case PMT_RECORD_ALLOC:
        tell_threshold(t, m);
        return on_alloc(t, m, event, seq, changes);
    case PMT_RECORD_PROCESS:
        return timeline_process(t, m, event);
    case PMT_RECORD_SNAPSHOT:
        return timeline_snapshot(t, m, event);
    case PMT_RECORD_KERNEL:
        return on_kernel(t, m, event);
    case PMT_RECORD_MALLOPT:
        return on_mallopt(t, m, event);
    case PMT_RECORD_EXEC:
        return on_exec(t, m, event);
    case PMT_RECORD_THREAD:
        return on_thread(t, m, event);
    case PMT_RECORD_FORK:
        return on_fork(t, m, event);
    case PMT_RECORD_LOSS:
        return on_loss(t, m, event);
    case PMT_RECORD_EXIT:
        return timeline_exit(t, m, event);
    }
}

static void on_forget(struct view *view, const struct model *m)
{
    struct timeline *t = (struct timeline *)view;
    timeline_enter(t, m);
    if (!m->image->ended) {
        timeline_catch_up(t, m);
        if (t->shown->exec_path)
            timeline_exec(t, m, 0);
        if (m->images.total > 1 && t->last_image != m->image->number)
            timeline_time(t, m, m->image->ledger.call_ns);
        else
            line_indent(&t->lines);
        line_wrap(&t->lines, "the trace ends here, without an exit of the program", STYLE_RED);
    }
    memory_put(t->shown->exec_path);
    memory_put(t->shown);
    t->shown = NULL;
}

/* Of the stream that the lines are printed to. It prints a buffer whenever that is full, and says
 * how that went to nobody: so this notes it. */
static ssize_t on_write(void *cookie, const char *bytes, size_t size)
{
    struct timeline *t = cookie;
    if (t->before_write)
        t->before_write();
    if (!t->error)
        t->error = write_all(t->fd, bytes, size);
    return (ssize_t)size;
}

static void on_flush(struct view *view)
{
    fflush(((struct timeline *)view)->lines.out);
}

static int on_close(struct view *view, const struct model *m)
{
    struct timeline *t = (struct timeline *)view;
    char text[120];
    if (m->ignored) {
        snprintf(text, sizeof text, "%" PRIu64 " events of unknown processes were ignored",
                 m->ignored);
        timeline_indented(t, text, STYLE_RED);
    }
    fclose(t->lines.out);
    if (close(t->fd) != 0 && !t->error)
        t->error = -errno;
    int error = t->error;
    memory_put(t);
    return error;
}

struct view *view_timeline_new(int fd, const struct timeline_options *options)
{
    struct timeline *t = memory_get(sizeof *t);
    FILE *out = fopencookie(t, "w", (cookie_io_functions_t){.write = on_write});
    if (!out) {
        memory_put(t);
        return NULL;
    }
    t->view = (struct view){.event = on_event,
                            .change = timeline_change,
                            .library = timeline_library,
                            .forget = on_forget,
                            .flush = on_flush,
                            .close = on_close};
    t->lines = (struct lines){
        .out = out, .color = options->color, .width = options->width, .address_width = 8};
    t->all = options->all;
    t->fd = fd;
    t->before_write = options->before_write;
    setvbuf(out, t->buffer, _IOFBF, sizeof t->buffer);
    return &t->view;
}
