#include "runner/model/waiting.h"
#include "runner/model/deliver.h"
#include "runner/model/loading.h"

static bool must_wait(const struct cause *cause)
{
    return (cause->kind == CAUSE_KERNEL || cause->kind == CAUSE_CALL) &&
           call_allocates(cause->code) && cause->code != PMT_CALL_FREE;
}

void waiting_end(struct model *m, struct thread_note *thread, const struct cause *call)
{
    loading_end(m, thread);
    for (size_t i = 0; i < thread->waiting.count; i++) {
        struct change *change = &thread->waiting.items[i];
        bool ended = call && call->code == change->cause.code;
        if (must_wait(&change->cause))
            change->cause.seq = ended ? call->seq : 0;
        if (ended) {
            change->cause.t_ns = call->t_ns;
            change->cause.stack_id = call->stack_id; /* the system call's goes on into malloc */
            change->cause.addr = call->addr;
            change->cause.chunk = call->chunk;
            change->cause.old_addr = call->old_addr;
        }
        deliver_change(m, change);
    }
    m->image->threads.waiting -= thread->waiting.count;
    change_list_clear(&thread->waiting);
}

void waiting_end_all(struct model *m)
{
    for (size_t i = 0; i < m->image->threads.count; i++)
        waiting_end(m, &m->image->threads.items[i], NULL);
}

/* The tracer's memory, found by the look that found what waits for a call: its turn is behind that.
 * The regions of a library are told without anything in between. */
static bool follows(const struct thread_note *thread, const struct change *change)
{
    return change->tracer && thread->waiting.count && !thread->loading.hi;
}

static bool touch(const struct change *a, const struct change *b)
{
    const struct region *list[2][2] = {{a->before, a->after}, {b->before, b->after}};
    for (int i = 0; i < 4; i++) {
        const struct region *x = list[0][i & 1], *y = list[1][i >> 1];
        if (x && y && x->raw.start <= y->raw.end && y->raw.start <= x->raw.end)
            return true;
    }
    return false;
}

void waiting_make_way(struct model *m, const struct change *change, const struct thread_note *own)
{
    struct thread_notes *threads = &m->image->threads;
    for (size_t i = 0; threads->waiting && i < threads->count; i++) {
        struct thread_note *thread = &threads->items[i];
        bool touches = false;
        for (size_t k = 0; k < thread->waiting.count; k++)
            touches |= touch(change, &thread->waiting.items[k]);
        bool goes_on = thread == own && (must_wait(&change->cause) || change->cause.by_loader ||
                                         follows(own, change));
        if (touches && !goes_on)
            waiting_end(m, thread, NULL);
    }
}

void waiting_add(struct model *m, struct thread_note *thread, struct change *change)
{
    if (!loading_takes(&m->image->threads, thread, change) && !must_wait(&change->cause) &&
        !follows(thread, change))
        return deliver_change(m, change);
    change_list_take(&thread->waiting, change);
    m->image->threads.waiting++;
}
