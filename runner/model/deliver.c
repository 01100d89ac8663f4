#include "runner/model/deliver.h"
#include "runner/model/reasons.h"
#include "runner/model/reasons_block.h"

void deliver_event(struct model *m, const struct event *event)
{
    m->seq++;
    for (unsigned i = 0; i < m->view_count; i++)
        m->views[i]->event(m->views[i], m, event, 0);
}

void deliver_call(struct model *m, const struct event *event, unsigned changes)
{
    m->seq++;
    m->reason = reasons_block(m->image, event, changes);
    for (unsigned i = 0; i < m->view_count; i++)
        if (changes || !(m->image->skipped_by & 1u << i))
            m->views[i]->event(m->views[i], m, event, changes);
    m->image->ledger.call_ns = event->t_ns;
}

void deliver_change(struct model *m, struct change *change)
{
    struct ledger *ledger = &m->image->ledger;
    change->reason = reasons_of_change(m, change);
    heap_top_change(&m->image->heap_top, change, ledger->allocations + ledger->frees <= 1);
    m->seq++;
    graves_change(&m->image->graves, &m->image->freed, change);
    if (!change->tracer) {
        ledger->changes++;
        if (cause_explains(&change->cause))
            ledger->explained++;
        else
            ledger->unexplained++;
    }
    for (unsigned i = 0; i < m->view_count; i++)
        m->views[i]->change(m->views[i], m, change);
}

void deliver_library(struct model *m, const struct library *library)
{
    m->seq++;
    for (unsigned i = 0; i < m->view_count; i++)
        if (m->views[i]->library)
            m->views[i]->library(m->views[i], m, library);
}

void deliver_threshold(struct model *m, const struct threshold *threshold)
{
    m->seq++;
    for (unsigned i = 0; i < m->view_count; i++)
        if (m->views[i]->threshold)
            m->views[i]->threshold(m->views[i], m, threshold);
}

void deliver_forget(struct model *m)
{
    for (unsigned i = 0; i < m->view_count; i++)
        if (m->views[i]->forget)
            m->views[i]->forget(m->views[i], m);
}

int deliver_close(struct model *m)
{
    int result = 0;
    for (unsigned i = 0; i < m->view_count; i++) {
        int error = m->views[i]->close(m->views[i], m);
        result = result ? result : error;
    }
    return result;
}
