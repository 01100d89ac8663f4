#include "runner/views/timeline_failed.h"
#include <string.h>

void timeline_failed_note(struct timeline *t, const struct model *m, const struct event *event,
                          const char *text)
{
    struct failed_calls *failed = &t->shown->failed;
    if (failed->of_call || failed->tid != event->record->tid || failed->count == FAILED_CALLS)
        timeline_failed_catch_up(t, m);
    failed->tid = event->record->tid;
    failed->stack_id = event->record->stack_id;
    failed->t_ns = event->t_ns;
    struct failed_call *call = &failed->calls[failed->count++];
    call->seq = m->seq;
    snprintf(call->text, sizeof call->text, "%s", text);
}

void timeline_failed_call(struct timeline *t, uint32_t tid, uint64_t seq, const char *end)
{
    struct failed_calls *failed = &t->shown->failed;
    if (failed->of_call)
        failed->count = 0;
    failed->of_call = failed->count && failed->tid == tid ? seq : 0;
    snprintf(failed->end, sizeof failed->end, "%s", end);
}

void timeline_failed_write(struct timeline *t, uint64_t call, uint64_t until)
{
    struct failed_calls *failed = &t->shown->failed;
    unsigned told = 0;
    if (!failed->of_call || failed->of_call != call)
        return;
    for (; told < failed->count && failed->calls[told].seq < until; told++)
        timeline_system_call(t, failed->calls[told].text);
    failed->count -= told;
    memmove(failed->calls, failed->calls + told, failed->count * sizeof *failed->calls);
}

void timeline_failed_end(struct timeline *t, const struct model *m)
{
    struct failed_calls *failed = &t->shown->failed;
    uint64_t call = failed->of_call;
    if (!timeline_told_last(t, m, call))
        return;
    timeline_failed_write(t, call, UINT64_MAX);
    failed->of_call = 0;
    failed->count = 0;
    if (failed->end[0])
        timeline_indented(t, failed->end, STYLE_DIM);
}

void timeline_failed_catch_up(struct timeline *t, const struct model *m)
{
    struct failed_calls *failed = &t->shown->failed;
    timeline_failed_end(t, m);
    unsigned count = failed->of_call ? 0 : failed->count;
    failed->count = 0;
    failed->of_call = 0;
    for (unsigned i = 0; i < count; i++)
        timeline_call(t, m, failed->t_ns, failed->calls[i].text, failed->stack_id);
}
