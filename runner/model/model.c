#include "runner/model/model.h"
#include "runner/model/deliver.h"
#include "runner/model/loading.h"
#include "runner/model/looks.h"
#include "runner/model/threshold_moves.h"
#include "runner/model/waiting.h"
#include "schemas/unseen.h"
#include <assert.h>
#include <string.h>

void model_init(struct model *m, struct symbols *symbols)
{
    memset(m, 0, sizeof *m);
    m->images.symbols = symbols;
}

void model_add_view(struct model *m, struct view *view)
{
    assert(m->view_count < IMAGE_VIEWS);
    view->index = m->view_count;
    m->views[m->view_count++] = view;
}

static void keep_block(struct model *m, const struct event *event, const struct pmt_alloc *a)
{
    struct allocation block = {.addr = a->addr,
                               .size = a->size,
                               .t_ns = event->t_ns,
                               .stack_id = a->r.stack_id,
                               .chunk = allocation_chunk(a->chunk)};
    if (!block.addr)
        return;
    allocations_add(&m->image->allocations, &block);
    if (m->image->callers)
        callers_block(m->image->callers, &block, m->image->allocations.bytes);
    heap_top_note(&m->image->heap_top, a->addr, a->chunk, m->image->word_size);
}

static void give_back(struct image *image, uint64_t addr, uint32_t freed_by, uint64_t t_ns)
{
    struct allocation block;
    if (allocations_take(&image->allocations, addr, &block))
        freed_blocks_add(&image->freed, &block, freed_by, t_ns);
}

/* realloc gave the old block back, unless another thread has got its place since the call began. */
static void reallocated(struct model *m, const struct event *event, const struct pmt_alloc *a)
{
    if (allocations_given_back(&m->image->allocations, a, event->began_ns))
        give_back(m->image, a->old_addr, a->r.stack_id, event->t_ns);
    keep_block(m, event, a);
}

static void on_alloc(struct model *m, const struct event *event)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    thread_notes_call(&m->image->threads, a->r.tid);
    if (a->r.call == PMT_CALL_FREE) {
        m->image->ledger.frees += a->addr != 0;
        deliver_call(m, event, 0);
        give_back(m->image, a->addr, a->r.stack_id, event->t_ns);
        thread_notes_set_freed(&m->image->threads, a->r.tid, a->addr, a->chunk, m->seq,
                               a->r.stack_id);
        if (threshold_moves_by_free(m->image, a->chunk))
            deliver_threshold(m, &(struct threshold){event->t_ns, a->r.tid, m->seq, PMT_CALL_FREE,
                                                     a->r.stack_id});
        return;
    }
    m->image->ledger.allocations += a->addr != 0;
    m->image->ledger.bytes += a->addr ? a->size : 0;
    struct thread_notes *threads = &m->image->threads;
    struct thread_note *t = threads->waiting ? thread_notes_get(threads, a->r.tid) : NULL;
    deliver_call(m, event, t ? (unsigned)t->waiting.count : 0);
    if (a->r.call == PMT_CALL_REALLOC || a->r.call == PMT_CALL_REALLOCARRAY)
        reallocated(m, event, a);
    else
        keep_block(m, event, a);
    if (t && t->waiting.count) {
        struct cause call = {.code = a->r.call,
                             .addr = a->addr,
                             .chunk = a->chunk,
                             .old_addr = pmt_record_size(&a->r) == sizeof *a ? a->old_addr : 0,
                             .seq = m->seq,
                             .t_ns = event->t_ns,
                             .stack_id = a->r.stack_id};
        waiting_end(m, t, &call);
    }
}

bool model_select(struct model *m, uint32_t number)
{
    number = number ? number : 1;
    if (!m->image || m->image->number != number)
        m->image = images_find(&m->images, number);
    return m->image != NULL;
}

bool model_only_counts(const struct model *m)
{
    const struct image *image = m->image;
    return image && !image->threads.waiting && !image->threads.making &&
           image->skipped_by == (1u << m->view_count) - 1;
}

void model_count(struct model *m, const struct plain_call *c, uint64_t t_ns)
{
    struct image *image = m->image;
    m->seq++;
    image->ledger.call_ns = t_ns;
    if (c->call == PMT_CALL_FREE) {
        image->ledger.frees++;
        give_back(image, c->addr, c->stack_id, t_ns);
        thread_notes_set_freed(&image->threads, c->tid, c->addr, c->chunk, m->seq, c->stack_id);
        if (c->chunk & PMT_CHUNK_MMAPPED && threshold_moves_by_free(image, c->chunk))
            deliver_threshold(
                m, &(struct threshold){t_ns, c->tid, m->seq, PMT_CALL_FREE, c->stack_id});
        return;
    }
    image->ledger.allocations++;
    image->ledger.bytes += c->size;
    heap_top_note(&image->heap_top, c->addr, c->chunk, image->word_size);
    const struct allocation block = {.addr = c->addr,
                                     .size = c->size,
                                     .t_ns = t_ns,
                                     .stack_id = c->stack_id,
                                     .chunk = allocation_chunk(c->chunk)};
    allocations_add(&image->allocations, &block);
    if (image->callers)
        callers_block(image->callers, &block, image->allocations.bytes);
}

static void on_kernel(struct model *m, const struct event *event)
{
    const struct pmt_kernel *k = (const struct pmt_kernel *)event->record;
    struct cause_kernel *kernel = &m->image->kernel;
    deliver_event(m, event);
    kernel->record = *k;
    memcpy(kernel->name, k + 1, k->within.name_size);
    kernel->seq = m->seq;
    kernel->made = call_allocates(k->within.call) ? thread_notes_made(&m->image->threads, k)
                                                  : (struct made){0};
}

static void on_mallopt(struct model *m, const struct event *event)
{
    const struct pmt_mallopt *call = (const struct pmt_mallopt *)event->record;
    deliver_event(m, event);
    if (threshold_moves_by_mallopt(m->image, call))
        deliver_threshold(m, &(struct threshold){event->t_ns, call->r.tid, m->seq, PMT_CALL_NONE,
                                                 call->r.stack_id});
}

static void on_loss(struct model *m, const struct event *event)
{
    const struct pmt_lost *lost = (const struct pmt_lost *)event->record;
    looks_end(m);
    m->image->ledger.lost += lost->count;
    if (lost->r.call == PMT_LOSS_STACK_TABLE_FULL)
        m->image->ledger.stacks_lost += lost->count;
    else
        m->image->heap_top.known = false;
    deliver_event(m, event);
}

static bool can_be_stack(const struct region *r)
{
    return r && !r->tracer && (r->kind == KIND_ANONYMOUS || r->kind == KIND_THREAD_STACK);
}

/* The region with the new thread's stack is its own from now on; where nothing has told so before,
 * as in a program without glibc, closed memory right below is the guard. */
static void thread_starts(struct image *image, const struct pmt_thread *t)
{
    struct regions *map = &image->map;
    const struct region *r = t->stack ? regions_find(map, t->stack) : NULL;
    if (t->stack && !r)
        thread_notes_get(&image->threads, t->r.tid)->stack = t->stack;
    if (!can_be_stack(r))
        return;
    struct region *stack = regions_renew(map, r);
    bool was_known = stack->kind == KIND_THREAD_STACK;
    stack->kind = KIND_THREAD_STACK;
    stack->tid = t->r.tid;
    const struct region *below = regions_find(map, stack->raw.start - 1);
    if (!was_known && below && below->kind == KIND_ANONYMOUS && !below->path[0] &&
        region_is_closed(below))
        regions_renew(map, below)->kind = KIND_GUARD;
}

/* What still waits for a call of the thread will not get it. */
static void thread_ends(struct model *m, uint32_t tid)
{
    struct thread_notes *threads = &m->image->threads;
    for (size_t i = 0; i < threads->count; i++) {
        if (threads->items[i].tid != tid)
            continue;
        waiting_end(m, &threads->items[i], NULL);
        return thread_notes_remove(threads, &threads->items[i]);
    }
}

static void on_thread(struct model *m, const struct event *event)
{
    const struct pmt_thread *t = (const struct pmt_thread *)event->record;
    m->image->heap_top.known = false; /* records of several threads come in another order */
    if (t->event == PMT_THREAD_START)
        thread_starts(m->image, t);
    else
        thread_ends(m, t->r.tid);
    deliver_event(m, event);
}

static void forget(struct model *m)
{
    deliver_forget(m);
    images_forget(&m->images, m->image);
    m->image = NULL;
}

static void on_exit_record(struct model *m, const struct event *event)
{
    waiting_end_all(m);
    m->image->ended = true;
    m->image->executed = ((const struct pmt_exit *)event->record)->end == PMT_END_EXEC;
    deliver_event(m, event);
    forget(m);
}

static void on_process(struct model *m, const struct event *event)
{
    struct image *image = images_new(&m->images, event);
    if (!image) { /* a second one changes nothing */
        m->ignored++;
        return;
    }
    m->image = image;
    m->started = true;
    deliver_event(m, event);
}

static void on_other(struct model *m, const struct event *event)
{
    switch (event->record->type) {
    case PMT_RECORD_KERNEL:
        return on_kernel(m, event);
    case PMT_RECORD_STACK:
        stacks_add(&m->image->stacks, event, &m->image->map);
        return deliver_event(m, event);
    case PMT_RECORD_LOSS:
        return on_loss(m, event);
    case PMT_RECORD_THREAD:
        return on_thread(m, event);
    case PMT_RECORD_FORK:
        images_fork(&m->images, m->image, event->record->tid,
                    ((const struct pmt_fork *)event->record)->fork_id);
        return deliver_event(m, event);
    case PMT_RECORD_UNFOLLOWED:
        looks_end(m);
        m->image->ledger.unfollowed++;
        return deliver_event(m, event);
    case PMT_RECORD_UNSEEN:
        looks_end(m);
        m->image->ledger.unseen += ((const struct pmt_unseen *)event->record)->count;
        return deliver_event(m, event);
    case PMT_RECORD_MALLOPT:
        return on_mallopt(m, event);
    case PMT_RECORD_FORBIDDEN:
        looks_end(m);
        m->image->forbidden = (enum pmt_forbidden)event->record->call;
        m->image->forbidden_ns = event->t_ns;
        return deliver_event(m, event);
    case PMT_RECORD_STACK_USE:
        looks_end(m);
        m->image->stack_use = *(const struct pmt_stack_use *)event->record;
        return deliver_event(m, event);
    case PMT_RECORD_EXIT:
        return on_exit_record(m, event);
    default:
        return deliver_event(m, event);
    }
}

static bool on_event_of_image(struct model *m, const struct event *event)
{
    struct thread_note *loaded = loading_over(&m->image->threads, event->record);
    if (loaded)
        waiting_end(m, loaded, NULL);
    if (event->record->type == PMT_RECORD_SNAPSHOT)
        return looks_snapshot(m, event);
    if (event->record->type == PMT_RECORD_ALLOC)
        on_alloc(m, event);
    else
        on_other(m, event);
    return true;
}

bool model_event(struct model *m, const struct event *event)
{
    if (event->record->type == PMT_RECORD_PROCESS)
        on_process(m, event);
    else if (!model_select(m, event->image))
        m->ignored++;
    else
        return on_event_of_image(m, event);
    return true;
}

void model_live_event(struct model *m, const struct event *event)
{
    struct pmt_lost lost = {.r = {.units = sizeof lost / PMT_RECORD_ALIGN,
                                  .type = PMT_RECORD_LOSS,
                                  .call = PMT_LOSS_CORRUPT,
                                  .tid = event->record->tid},
                            .count = 1};
    struct event loss = *event;
    if (model_event(m, event))
        return;
    loss.record = &lost.r;
    model_event(m, &loss);
    model_event(m, event);
}

void model_flush(struct model *m)
{
    for (unsigned i = 0; i < m->view_count; i++)
        m->views[i]->flush(m->views[i]);
}

void model_tick(struct model *m, bool idle)
{
    if (m->tick)
        m->tick(m, idle);
}

int model_close(struct model *m)
{
    while (m->images.count) {
        m->image = m->images.live[0];
        waiting_end_all(m);
        forget(m);
    }
    int result = deliver_close(m);
    images_free(&m->images);
    return result;
}
