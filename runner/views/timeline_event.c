#include "runner/views/timeline_event.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/timeline_change.h"
#include "runner/views/timeline_failed.h"
#include "runner/views/timeline_fold.h"
#include "runner/views/why.h"
#include "runner/views/wording.h"
#include "schemas/names.h"
#include "schemas/unseen.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* " failed: ENOMEM", or nothing. */
static void error_text(const struct pmt_alloc *a, char *out, size_t size)
{
    bool failed = pmt_record_size(&a->r) == sizeof *a && a->error;
    const char *name = failed ? names_errno((int)a->error) : NULL;
    out[0] = '\0';
    if (failed)
        snprintf(out, size, _(" failed: %s"), name ? name : _("error"));
}

/* Its changes bring the call with them; how it ended is told behind them. */
static void expect_changes(struct timeline *t, const struct model *m, const struct pmt_alloc *a)
{
    char end[500], why[400];
    error_text(a, end, sizeof end);
    if (end[0]) {
        why_call_text(m, a, why, sizeof why);
        snprintf(end, sizeof end, _("and then the call failed: %s"), why);
    }
    timeline_failed_call(t, a->r.tid, m->seq, end);
}

static void tell_call(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    char left[120], error[40], note[400];
    uint64_t old = pmt_record_size(&a->r) == sizeof *a ? a->old_addr : 0;
    wording_allocator_call(left, sizeof left, a->r.call, a->r.call == PMT_CALL_FREE ? 0 : a->size,
                           old, a->addr);
    error_text(a, error, sizeof error);
    snprintf(left + strlen(left), sizeof left - strlen(left), "%s", error);
    timeline_call(t, m, event->t_ns, left, a->r.stack_id);
    timeline_failed_write(t, m->seq, m->seq);
    why_call_text(m, a, note, sizeof note);
    if (note[0])
        timeline_indented(t, note, STYLE_DIM);
    t->last_call = m->seq;
    t->last_why[0] = '\0';
}

void timeline_event_alloc(struct timeline *t, const struct model *m, const struct event *event,
                          unsigned changes)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    bool unmaps = a->r.call == PMT_CALL_FREE && a->chunk & PMT_CHUNK_MMAPPED;
    timeline_failed_end(t, m);
    t->shown->has_before = changes || unmaps;
    t->shown->before = timeline_fold_before(&m->image->ledger, event);
    if (changes || unmaps)
        return expect_changes(t, m, a);
    timeline_failed_call(t, a->r.tid, m->seq, "");
    if (t->shown->is_held && t->output.all)
        timeline_change_catch_up(t, m);
    if (timeline_fold_shows_call(t, m, event))
        tell_call(t, m, event);
}

static void failure_text(const struct pmt_kernel *k, char *out, size_t size)
{
    struct cause c = {.kernel = k->r.call, .result = k->result, .old_brk = k->old_brk};
    if (k->r.call == PMT_CALL_BRK) {
        snprintf(out, size, _("brk to 0x%" PRIx64 " failed: ENOMEM"), k->args[0]);
        return;
    }
    memcpy(c.args, k->args, sizeof c.args);
    wording_system_call(&c, out, size);
    const char *error = names_errno((int)-k->result), *result = strstr(out, " = ");
    size_t used = result ? (size_t)(result - out) : strlen(out);
    snprintf(out + used, size - used, _(" failed: %s"), error ? error : _("error"));
}

void timeline_event_kernel(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_kernel *k = (const struct pmt_kernel *)event->record;
    char text[300];
    bool lowers = k->r.call == PMT_CALL_BRK && (uint64_t)k->result >= k->args[0];
    if (lowers || !cause_kernel_failed(k))
        return;
    failure_text(k, text, sizeof text);
    if (call_allocates(k->within.call) && k->within.call != PMT_CALL_FREE)
        return timeline_failed_note(t, m, event, text);
    timeline_change_catch_up(t, m);
    timeline_call(t, m, event->t_ns, text, k->r.stack_id);
}

void timeline_event_mallopt(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_mallopt *o = (const struct pmt_mallopt *)event->record;
    static const char *const names[] = {"M_TRIM_THRESHOLD", "M_TOP_PAD",      "M_MMAP_THRESHOLD",
                                        "M_MMAP_MAX",       "M_CHECK_ACTION", "M_PERTURB",
                                        "M_ARENA_TEST",     "M_ARENA_MAX"};
    char text[100];
    timeline_change_catch_up(t, m);
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

void timeline_event_exec_ended(struct timeline *t, const struct model *m, int error)
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
        fprintf(t->lines.out, _(" failed: %s"), name ? name : _("error"));
    fputc('\n', t->lines.out);
    memory_put(path);
    t->shown->exec_path = NULL;
}

void timeline_event_exec(struct timeline *t, const struct model *m, const struct event *event)
{
    int error = ((const struct pmt_exec *)event->record)->error;
    timeline_change_catch_up(t, m);
    if (!error || !t->shown->exec_path)
        hold_exec(t, event);
    if (error)
        timeline_event_exec_ended(t, m, error);
}

void timeline_event_thread(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_thread *record = (const struct pmt_thread *)event->record;
    const struct region *r = record->stack ? regions_find(&m->image->map, record->stack) : NULL;
    char text[240];
    timeline_change_catch_up(t, m);
    if (record->event == PMT_THREAD_END) {
        snprintf(text, sizeof text, _("thread %" PRIu32 " ended"), record->r.tid);
    } else {
        int used = snprintf(text, sizeof text, _("thread %" PRIu32 " started by %" PRIu32),
                            record->r.tid, record->creator);
        if (r)
            snprintf(text + used, sizeof text - (size_t)used, _(", stack %0*" PRIx64 "-%0*" PRIx64),
                     (int)t->lines.address_width, r->raw.start, (int)t->lines.address_width,
                     r->raw.end);
    }
    timeline_call(t, m, event->t_ns, text, record->r.stack_id);
}

void timeline_event_fork(struct timeline *t, const struct model *m, const struct event *event)
{
    char text[40];
    timeline_change_catch_up(t, m);
    snprintf(text, sizeof text, "%s()", names_call(event->record->call));
    timeline_call(t, m, event->t_ns, text, event->record->stack_id);
}

void timeline_event_forbidden(struct timeline *t, const struct model *m, const struct event *event)
{
    static const char *const call[PMT_FORBIDDEN_COUNT] = {
        [PMT_FORBIDDEN_FILTER] = N_("seccomp: a filter of system calls"),
        [PMT_FORBIDDEN_STRICT] = N_("seccomp: strict mode"),
        [PMT_FORBIDDEN_TSC] = "prctl(PR_SET_TSC)"};
    static const char *const what[PMT_FORBIDDEN_COUNT] = {
        [PMT_FORBIDDEN_FILTER] =
            N_("system calls of which procmap-trace does not know whether it may "
               "make them"),
        [PMT_FORBIDDEN_STRICT] = N_("nearly all system calls"),
        [PMT_FORBIDDEN_TSC] = N_("to read the processor's clock")};
    char text[400];
    timeline_change_catch_up(t, m);
    timeline_call(t, m, event->t_ns, _(call[event->record->call]), event->record->stack_id);
    snprintf(text, sizeof text,
             _("NOT LOOKED AT from here on: the program forbids itself, and what looks at it from "
               "within, %s. --backend=ptrace looks from outside"),
             _(what[event->record->call]));
    timeline_indented(t, text, STYLE_BOLD);
}

/* "mmap in raw, munmap in raw and 3 more" */
static void sites_text(const struct pmt_unseen *u, FILE *out)
{
    const struct pmt_unseen_site *sites = (const struct pmt_unseen_site *)(u + 1);
    const char *name = (const char *)(sites + u->sites) + u->path_size;
    for (uint32_t i = 0; i < u->sites && i < 4; i++) {
        fprintf(out, "%s%s", i ? ", " : "", names_call(sites[i].call));
        fputs(sites[i].function_size ? _(" in ") : "", out);
        text_escape(out, name, sites[i].function_size, 60);
        name += sites[i].function_size;
    }
    if (u->count > 4)
        fprintf(out, _(" and %" PRIu32 " more"), u->count - 4);
}

void timeline_event_unseen(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_unseen *u = (const struct pmt_unseen *)event->record;
    const char *path = (const char *)((const struct pmt_unseen_site *)(u + 1) + u->sites);
    char name[PMT_PATH_MAX + 1], *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    memcpy(name, path, u->path_size);
    name[u->path_size] = '\0';
    timeline_change_catch_up(t, m);
    fputs(_("NOT SEEN: "), out);
    text_escape(out, basename(name), strlen(basename(name)), 60);
    fputs(_(" calls the kernel past the C library ("), out);
    sites_text(u, out);
    fputs(
        _("): what these calls do is noticed when the map is looked at next; --backend=ptrace sees "
          "them"),
        out);
    fclose(out);
    timeline_indented(t, text, STYLE_BOLD);
    free(text);
}

void timeline_event_unfollowed(struct timeline *t, const struct model *m, const struct event *event)
{
    static const char *const why[PMT_UNFOLLOWED_COUNT] = {
        [PMT_UNFOLLOWED_UNREACHABLE] = N_("it cannot reach procmap-trace: it has another user, "
                                          "another network, or no descriptor left"),
        [PMT_UNFOLLOWED_PROGRAM] = N_("its program cannot load the shim"),
        [PMT_UNFOLLOWED_ENVIRONMENT] = N_("its environment has no room for the shim's settings")};
    const struct pmt_unfollowed *u = (const struct pmt_unfollowed *)event->record;
    char text[240];
    timeline_change_catch_up(t, m);
    timeline_time(t, m, event->t_ns);
    line_style(&t->lines, STYLE_BOLD);
    fprintf(t->lines.out, _("NOT FOLLOWED: process %" PRIu32 "%s"), u->child,
            u->path_size ? " " : "");
    line_style(&t->lines, STYLE_PLAIN);
    text_escape(t->lines.out, (const char *)(u + 1), u->path_size, t->lines.width / 2);
    fputc('\n', t->lines.out);
    snprintf(text, sizeof text, "%s", _(why[u->r.call]));
    timeline_indented(t, text, STYLE_PLAIN);
}

void timeline_event_loss(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_lost *lost = (const struct pmt_lost *)event->record;
    char text[240];
    timeline_change_catch_up(t, m);
    timeline_time(t, m, event->t_ns);
    snprintf(text, sizeof text, _("LOST %" PRIu64 " event%s: %s"), lost->count,
             lost->count == 1 ? "" : "s", names_loss(lost->r.call));
    line_wrap(&t->lines, text, STYLE_RED);
}
