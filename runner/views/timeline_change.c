#include "runner/views/timeline_change.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/caller.h"
#include "runner/views/timeline_failed.h"
#include "runner/views/timeline_fold.h"
#include "runner/views/timeline_region.h"
#include "runner/views/why.h"
#include "runner/views/wording.h"
#include <string.h>

/* The dynamic loader makes its system calls in many places. */
static bool same_caller(const struct model *m, const struct cause *a, const struct cause *b)
{
    char texts[2][400];
    if (a->stack_id == b->stack_id || !a->by_loader || !b->by_loader)
        return a->stack_id == b->stack_id;
    caller_text(m, a->stack_id, texts[0], sizeof texts[0]);
    caller_text(m, b->stack_id, texts[1], sizeof texts[1]);
    return strcmp(texts[0], texts[1]) == 0;
}

/* Whether the last header is this change's, too: the same call, or one that makes several system
 * calls. */
static bool same_call(const struct timeline *t, const struct model *m, const struct change *change)
{
    const struct cause *c = &change->cause, *last = &t->last;
    if (timeline_told_last(t, m, c->seq))
        return true;
    bool same = t->last_image == m->image->number && t->last_is_change &&
                strcmp(cause_name(last), cause_name(c)) == 0 && t->last_tid == change->tid &&
                same_caller(m, last, c);
    return same && !wording_is_system_call(c) && !call_allocates(c->code);
}

/* Whoever uses it comes first; where it was noticed is of little interest. */
static void write_stack_use(struct timeline *t, const struct model *m, const struct change *change,
                            const char *who)
{
    char caller[256], text[300];
    timeline_call(t, m, change->t_ns, who, 0);
    t->last_why[0] = '\0';
    if (!caller_text(m, change->cause.stack_id, caller, sizeof caller) || strstr(who, caller))
        return;
    snprintf(text, sizeof text, _("(noticed in %s)"), caller);
    timeline_indented(t, text, STYLE_DIM);
}

/* "malloc(160000) = 0xf7d5e010   main map3.c:21" and, where the call's name does not say it, the
 * system call that did it. */
static void write_cause(struct timeline *t, const struct model *m, const struct change *change)
{
    const struct cause *c = &change->cause;
    char text[400];
    if (wording_stack_use(m, change, text, sizeof text)) {
        write_stack_use(t, m, change, text);
    } else if (!same_call(t, m, change)) {
        timeline_failed_end(t, m);
        wording_call(c, text, sizeof text);
        timeline_call(t, m, c->t_ns ? c->t_ns : change->t_ns, text, c->stack_id);
        t->last_why[0] = '\0';
    }
    if (c->kernel && c->kernel_seq != t->last_kernel && !wording_is_system_call(c)) {
        timeline_failed_write(t, c->seq, c->kernel_seq);
        wording_system_call(c, text, sizeof text);
        timeline_system_call(t, text);
    }
    t->last_call = c->seq;
    t->last = *c;
    t->last_is_change = true;
    t->last_tid = change->tid;
    t->last_kernel = c->kernel_seq;
}

static bool tells_why(struct timeline *t, const struct change *change)
{
    enum reason_code code = change->reason.code;
    unsigned often = reason_arg_count(code) ? WHY_OFTEN_WITH_NUMBERS : WHY_OFTEN;
    if (!t->output.all && cause_explains(&change->cause) && t->shown->why_told[code] >= often)
        return false;
    t->shown->why_told[code] += t->shown->why_told[code] < WHY_OFTEN_WITH_NUMBERS;
    return true;
}

static void write_change(struct timeline *t, const struct model *m, const struct change *change)
{
    char why[400];
    write_cause(t, m, change);
    timeline_region(t, change);
    why_text(change, why, sizeof why);
    if (why[0] && strcmp(why, t->last_why) != 0 && tells_why(t, change))
        timeline_indented(t, why, STYLE_DIM);
    snprintf(t->last_why, sizeof t->last_why, "%s", why);
}

/* Up to the call whose change is told, if it is one: the record of a free(3) comes before it is
 * known that the map changes. */
static void end_fold(struct timeline *t, const struct model *m, const struct change *change)
{
    struct ledger now = t->shown->has_before ? t->shown->before : m->image->ledger;
    bool frees = change && change->cause.code == PMT_CALL_FREE && change->cause.seq;
    if (frees && !t->shown->has_before && now.frees)
        now.frees--;
    timeline_fold_end(t, m, &now);
    t->shown->has_before = false;
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
    char text[300], size[TEXT_SIZE];
    end_fold(t, m, NULL);
    wording_call(&change->cause, text, sizeof text);
    timeline_call(t, m, t->shown->held.t_ns, text, change->cause.stack_id);
    snprintf(text, sizeof text,
             _("a stack of %s for the child process was mapped and unmapped again"),
             text_size(size, region_size(t->shown->held.after)));
    timeline_indented(t, text, STYLE_DIM);
    region_drop(t->shown->held.after);
    memset(&t->shown->held, 0, sizeof t->shown->held);
    t->shown->is_held = false;
    t->last_call = change->cause.seq;
    t->last_kernel = change->cause.kernel_seq;
}

static void write_held(struct timeline *t, const struct model *m)
{
    struct change *held = &t->shown->held;
    t->shown->is_held = false;
    write_change(t, m, held);
    region_drop(held->after);
    memset(held, 0, sizeof *held);
}

void timeline_change_catch_up(struct timeline *t, const struct model *m)
{
    if (t->shown->is_held)
        write_held(t, m);
    end_fold(t, m, NULL);
    timeline_failed_catch_up(t, m);
    timeline_threshold(t, m);
}

/* The header of its regions: they follow at once. */
void timeline_change_library(struct view *view, const struct model *m,
                             const struct library *library)
{
    struct timeline *t = (struct timeline *)view;
    const struct lines *l = &t->lines;
    char size[TEXT_SIZE];
    timeline_enter(t, m);
    timeline_change_catch_up(t, m);
    write_cause(t, m, library->change);
    line_indent(&t->lines);
    line_style(l, STYLE_BOLD);
    int used = fprintf(l->out, _("library %sloaded: "), library->loaded ? "" : _("un"));
    size_t room = l->width > LINE_INDENT + (size_t)used + 40
                      ? l->width - LINE_INDENT - (size_t)used - 30
                      : 10;
    text_escape(l->out, library_name(library), strlen(library_name(library)), room);
    line_style(l, STYLE_PLAIN);
    fprintf(l->out, _(" (%zu region%s, %s)\n"), library->regions.count,
            library->regions.count == 1 ? "" : "s", text_size(size, library_size(library)));
}

void timeline_change_region(struct view *view, const struct model *m, const struct change *change)
{
    struct timeline *t = (struct timeline *)view;
    if (change->tracer && !t->output.all)
        return;
    timeline_enter(t, m);
    if (t->shown->is_held && change->type == CHANGE_REMOVED &&
        change->cause.code == t->shown->held.cause.code &&
        change->before->raw.start == t->shown->held.after->raw.start &&
        change->tid == t->shown->held.tid)
        return write_childs_stack(t, m, change);
    if (t->shown->is_held)
        timeline_change_catch_up(t, m);
    if (is_childs_stack(change)) {
        t->shown->held = *change;
        t->shown->held.before = NULL;
        t->shown->held.parts = (struct region_list){0};
        region_keep(t->shown->held.after);
        t->shown->is_held = true;
        return;
    }
    if (!timeline_fold_shows_change(t, m, change))
        return;
    end_fold(t, m, change);
    if (t->shown->threshold_seq != change->cause.seq)
        timeline_threshold(t, m);
    write_change(t, m, change);
    timeline_threshold(t, m);
}
