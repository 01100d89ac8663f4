#include "runner/views/html_story.h"
#include "runner/views/caller.h"
#include "runner/views/why.h"
#include "runner/views/wording.h"
#include <inttypes.h>
#include <string.h>

#define MOST_STEPS 4000u

bool html_story_open(struct html_story *s)
{
    return html_part_open(&s->entries) && html_part_open(&s->steps) &&
           html_part_open(&s->thresholds) && html_part_open(&s->threads) &&
           html_part_open(&s->start);
}

void html_story_restart(struct html_story *s)
{
    struct html_story empty = {.entries = s->entries,
                               .steps = s->steps,
                               .thresholds = s->thresholds,
                               .threads = s->threads,
                               .start = s->start};
    *s = empty;
    html_part_restart(&s->entries);
    html_part_restart(&s->steps);
    html_part_restart(&s->thresholds);
    html_part_restart(&s->threads);
    html_part_restart(&s->start);
}

void html_story_free(struct html_story *s)
{
    html_part_free(&s->entries);
    html_part_free(&s->steps);
    html_part_free(&s->thresholds);
    html_part_free(&s->threads);
    html_part_free(&s->start);
}

void html_story_start(struct html_story *s, const struct model *m, uint64_t t_ns)
{
    if (s->has_start)
        return;
    s->has_start = true;
    s->start_ns = t_ns;
    html_regions(s->start.out, &m->image->map.list);
}

/* Whether a change comes of the call that the last one came of. */
static bool same_call(const struct html_story *s, const struct change *change)
{
    const struct cause *c = &change->cause, *last = &s->last;
    if (!s->has_last || s->last_tid != change->tid || c->kind != last->kind ||
        c->code != last->code)
        return false;
    if (c->seq && c->seq == last->seq)
        return true;
    return !wording_is_system_call(c) && !call_allocates(c->code) && c->kind != CAUSE_PAGE_FAULT &&
           cause_explains(c) && strcmp(c->name, last->name) == 0 &&
           (c->stack_id == last->stack_id || (c->by_loader && last->by_loader));
}

/* A call of the allocator has a number among the calls, and its changes come behind it; any other
 * stands between two of them. */
static void put_entry(struct html_story *s, const struct html_calls *calls, const struct model *m,
                      const struct change *change)
{
    const struct cause *c = &change->cause;
    FILE *out = s->entries.out;
    char text[1024];
    size_t call = call_allocates(c->code) && c->seq ? html_calls_find(calls, c->seq) : SIZE_MAX;
    html_part_next(&s->entries);
    fprintf(out, "{\"t\":%" PRIu64 ",\"tid\":%" PRIu32, c->t_ns ? c->t_ns : change->t_ns,
            change->tid);
    html_key_text(out, ",\"call\":", cause_name(c));
    wording_call(c, text, sizeof text);
    html_key_text(out, ",\"text\":", text);
    if (caller_text(m, c->stack_id, text, sizeof text))
        html_key_text(out, ",\"caller\":", text);
    if (c->stack_id)
        fprintf(out, ",\"stack\":%" PRIu32, c->stack_id);
    if (c->kind == CAUSE_PAGE_FAULT)
        fputs(",\"fault\":1", out);
    if (wording_is_system_call(c))
        fputs(",\"self\":1", out);
    if (call != SIZE_MAX)
        fprintf(out, ",\"ev\":%zu}", call);
    else
        fprintf(out, ",\"o\":%zu}", html_calls_count(calls));
}

static void end_step(struct html_story *s)
{
    if (s->step_open)
        fputs("]}", s->steps.out);
    s->step_open = false;
}

static void put_step(struct html_story *s, const struct change *change)
{
    const struct cause *c = &change->cause;
    char text[200];
    html_part_next(&s->steps);
    fprintf(s->steps.out, "{\"e\":%zu,\"t\":%" PRIu64, s->entries.items - 1, change->t_ns);
    if (c->kernel && c->kind != CAUSE_PAGE_FAULT) {
        wording_system_call(c, text, sizeof text);
        html_key_text(s->steps.out, ",\"sys\":", text);
    }
    fputs(",\"ch\":[", s->steps.out);
    s->step_open = true;
}

static void put_reason(FILE *out, const struct reason *r)
{
    fprintf(out, ",\"code\":\"%s\"", reason_name(r->code));
    for (unsigned i = 0; i < reason_arg_count(r->code); i++)
        fprintf(out, "%s\"%s\":%" PRIu64 "%s", i ? "," : ",\"args\":{",
                reason_arg_name(reason_arg_at(r->code, i)), r->args[i],
                i + 1 == reason_arg_count(r->code) ? "}" : "");
}

static void put_change(FILE *out, const struct change *change)
{
    char why[256];
    fprintf(out, "{\"c\":\"%s\",\"d\":%" PRId64 ",\"b\":", change_name(change->type),
            change->delta);
    html_region(out, change->before);
    fputs(",\"a\":", out);
    html_region(out, change->after);
    if (change->parts.count) {
        fputs(",\"p\":", out);
        html_regions(out, &change->parts);
    }
    if (change->library)
        html_key_text(out, ",\"lib\":", change->library);
    put_reason(out, &change->reason);
    why_text(change, why, sizeof why);
    html_key_text(out, ",\"why\":", why);
    fputc('}', out);
}

void html_story_change(struct html_story *s, const struct html_calls *calls, const struct model *m,
                       const struct change *change)
{
    const struct cause *c = &change->cause;
    bool call_goes_on = same_call(s, change);
    bool step_goes_on = s->step_open && call_goes_on && c->kernel_seq == s->last.kernel_seq &&
                        change->t_ns == s->last_t_ns;
    if (!step_goes_on && s->steps.items >= MOST_STEPS) {
        s->left_out++;
        s->left_out_ns = change->t_ns;
        return;
    }
    if (!step_goes_on) {
        end_step(s);
        if (!call_goes_on)
            put_entry(s, calls, m, change);
        put_step(s, change);
    } else {
        fputc(',', s->steps.out);
    }
    put_change(s->steps.out, change);
    s->last = *c;
    s->last_tid = change->tid;
    s->last_t_ns = change->t_ns;
    s->has_last = true;
}

void html_story_threshold(struct html_story *s, const struct html_calls *calls,
                          const struct model *m, uint64_t t_ns)
{
    html_part_next(&s->thresholds);
    fprintf(s->thresholds.out, "[%" PRIu64 ",%zu,%" PRIu64 "]", t_ns, html_calls_count(calls),
            m->image->thresholds.mmap);
}

void html_story_thread(struct html_story *s, const struct model *m, const struct event *event)
{
    const struct pmt_thread *t = (const struct pmt_thread *)event->record;
    const struct region *stack = t->stack ? regions_find(&m->image->map, t->stack) : NULL;
    s->has_last = false; /* the next thread is another call's */
    if (t->event != PMT_THREAD_START)
        return;
    html_part_next(&s->threads);
    fprintf(s->threads.out, "{\"t\":%" PRIu64 ",\"tid\":%" PRIu32, event->t_ns, t->r.tid);
    if (stack)
        fprintf(s->threads.out, ",\"stack\":%" PRIu64, stack->raw.start);
    fputc('}', s->threads.out);
}

static void put_left_out(struct html_story *s, const struct html_calls *calls,
                         const struct model *m)
{
    FILE *out = s->entries.out;
    html_part_next(&s->entries);
    fprintf(out,
            "{\"t\":%" PRIu64 ",\"tid\":%" PRIu32 ",\"call\":\"\",\"self\":1,\"o\":%zu,\"text\":"
            "\"%" PRIu64 " further changes, told together\"}",
            s->left_out_ns, s->last_tid, html_calls_count(calls), s->left_out);
    html_part_next(&s->steps);
    fprintf(s->steps.out, "{\"e\":%zu,\"t\":%" PRIu64 ",\"ch\":[],\"many\":%" PRIu64 ",\"map\":",
            s->entries.items - 1, s->left_out_ns, s->left_out);
    html_regions(s->steps.out, &m->image->map.list);
    fputc('}', s->steps.out);
}

void html_story_end(struct html_story *s, const struct html_calls *calls, const struct model *m)
{
    end_step(s);
    if (s->left_out)
        put_left_out(s, calls, m);
    if (!s->has_start)
        fputs("[]", s->start.out);
    s->has_start = true;
}
