#include "runner/model/model.h"
#include "runner/base/memory.h"
#include "runner/model/state.h"
#include <string.h>

void model_init(struct model *m, struct symbols *symbols)
{
    memset(m, 0, sizeof *m);
    images_init(m, symbols);
}

void model_add_view(struct model *m, struct view *view)
{
    view->index = m->view_count;
    m->views[m->view_count++] = view;
}

struct thread *model_thread(struct image *image, uint32_t tid)
{
    struct image_state *s = image->state;
    for (size_t i = s->thread_count; i-- > 0;)
        if (s->threads[i].tid == tid)
            return &s->threads[i];
    if (s->thread_count == s->thread_room) {
        s->thread_room = s->thread_room ? s->thread_room * 2 : 8;
        s->threads = memory_resize(s->threads, s->thread_room * sizeof *s->threads);
    }
    struct thread *t = &s->threads[s->thread_count++];
    memset(t, 0, sizeof *t);
    t->tid = tid;
    return t;
}

static void remember_freed(struct image *image, uint32_t tid, uint64_t addr, uint64_t seq)
{
    struct freed *place = &image->state->freed[tid % FREED_PLACES];
    if (place->tid != tid && place->tid)
        model_thread(image, place->tid)->freed = *place;
    *place = (struct freed){tid, addr, seq};
}

const struct freed *model_last_freed(const struct image *image, const struct thread *t)
{
    const struct freed *place = &image->state->freed[t->tid % FREED_PLACES];
    return place->tid == t->tid ? place : &t->freed;
}

void model_deliver(struct model *m, const struct change *change)
{
    m->seq++;
    if (!change->tracer) {
        m->image->ledger.changes++;
        if (change->cause.kind == CAUSE_UNATTRIBUTED || change->cause.kind == CAUSE_OVERLOOKED)
            m->image->ledger.unexplained++;
        else
            m->image->ledger.explained++;
    }
    for (unsigned i = 0; i < m->view_count; i++)
        m->views[i]->change(m->views[i], m, change, m->seq);
}

static void show_call(struct model *m, const struct event *event, unsigned changes)
{
    m->seq++;
    for (unsigned i = 0; i < m->view_count; i++)
        if (changes || !(m->image->skipped_by & 1u << i))
            m->views[i]->event(m->views[i], m, event, m->seq, changes);
    m->image->ledger.call_ns = event->t_ns;
}

/* Without the call: it has not ended, no event can be referred to. */
static void deliver_waiting(struct model *m, struct thread *t, const struct cause *call)
{
    for (size_t i = 0; i < t->waiting.count; i++) {
        struct change *change = &t->waiting.items[i];
        bool ended = call && call->code == change->cause.code;
        change->cause.seq = ended ? call->seq : 0;
        if (ended) {
            change->cause.t_ns = call->t_ns;
            change->cause.addr = call->addr;
            change->cause.old_addr = call->old_addr;
        }
        model_deliver(m, change);
    }
    m->image->state->waiting -= t->waiting.count;
    change_list_clear(&t->waiting);
}

void model_deliver_early(struct model *m, struct thread *t)
{
    deliver_waiting(m, t, NULL);
}

void model_show(struct model *m, const struct event *event, unsigned changes)
{
    m->seq++;
    for (unsigned i = 0; i < m->view_count; i++)
        m->views[i]->event(m->views[i], m, event, m->seq, changes);
}

/* glibc, malloc/malloc.c, __libc_free(): giving back a block with a region of its own raises the
 * threshold to its size, unless the user has set one. */
static void follow_threshold(struct image *image, uint64_t chunk)
{
    uint64_t size = chunk & ~(uint64_t)PMT_CHUNK_FLAGS;
    if (!image->dynamic_threshold || !(chunk & PMT_CHUNK_MMAPPED) ||
        size <= image->mmap_threshold || size > image->mmap_threshold_max)
        return;
    image->mmap_threshold = size;
    image->trim_threshold = 2 * size;
}

static void keep_block(struct model *m, const struct event *event, const struct pmt_alloc *a)
{
    struct allocation block = {.addr = a->addr,
                               .size = a->size,
                               .t_ns = event->t_ns,
                               .stack_id = a->r.stack_id,
                               .chunk_flags = (uint32_t)a->chunk & PMT_CHUNK_FLAGS};
    if (block.addr)
        allocations_add(&m->image->allocations, &block);
}

/* realloc gave the old block back, unless another thread has got its place since the call began. */
static void reallocated(struct model *m, const struct event *event, const struct pmt_alloc *a)
{
    const struct allocation *old = allocations_find(&m->image->allocations, a->old_addr);
    bool failed = !a->addr && a->error;
    if (old && !failed && old->t_ns <= event->began_ns)
        allocations_remove(&m->image->allocations, a->old_addr);
    keep_block(m, event, a);
}

static void on_alloc(struct model *m, const struct event *event)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    if (a->r.call == PMT_CALL_FREE) {
        m->image->ledger.frees += a->addr != 0;
        show_call(m, event, 0);
        allocations_remove(&m->image->allocations, a->addr);
        follow_threshold(m->image, a->chunk);
        remember_freed(m->image, a->r.tid, a->addr, m->seq);
        return;
    }
    m->image->ledger.allocations += a->addr != 0;
    m->image->ledger.bytes += a->addr ? a->size : 0;
    struct thread *t = m->image->state->waiting ? model_thread(m->image, a->r.tid) : NULL;
    show_call(m, event, t ? (unsigned)t->waiting.count : 0);
    if (a->r.call == PMT_CALL_REALLOC || a->r.call == PMT_CALL_REALLOCARRAY)
        reallocated(m, event, a);
    else
        keep_block(m, event, a);
    if (t && t->waiting.count) {
        struct cause call = {.code = a->r.call,
                             .addr = a->addr,
                             .old_addr = pmt_record_size(&a->r) == sizeof *a ? a->old_addr : 0,
                             .seq = m->seq,
                             .t_ns = event->t_ns};
        deliver_waiting(m, t, &call);
    }
}

bool model_select(struct model *m, uint32_t number)
{
    number = number ? number : 1;
    if (!m->image || m->image->number != number)
        m->image = images_find(m, number);
    return m->image != NULL;
}

bool model_only_counts(const struct model *m)
{
    const struct image *image = m->image;
    return image && !image->state->waiting && image->skipped_by == (1u << m->view_count) - 1;
}

void model_count(struct model *m, const struct plain_call *c, uint64_t t_ns)
{
    struct image *image = m->image;
    m->seq++;
    image->ledger.call_ns = t_ns;
    if (c->call == PMT_CALL_FREE) {
        image->ledger.frees++;
        allocations_remove(&image->allocations, c->addr);
        remember_freed(image, c->tid, c->addr, m->seq);
        if (c->chunk & PMT_CHUNK_MMAPPED)
            follow_threshold(image, c->chunk);
        return;
    }
    image->ledger.allocations++;
    image->ledger.bytes += c->size;
    allocations_add(&image->allocations,
                    &(struct allocation){.addr = c->addr,
                                         .size = c->size,
                                         .t_ns = t_ns,
                                         .stack_id = c->stack_id,
                                         .chunk_flags = c->chunk & PMT_CHUNK_FLAGS});
}

void model_show_library(struct model *m, const struct library *library)
{
    m->seq++;
    for (unsigned i = 0; i < m->view_count; i++)
        if (m->views[i]->library)
            m->views[i]->library(m->views[i], m, library, m->seq);
}

static void on_kernel(struct model *m, const struct event *event)
{
    const struct pmt_kernel *k = (const struct pmt_kernel *)event->record;
    struct image_state *state = m->image->state;
    model_show(m, event, 0);
    state->kernel.record = *k;
    memcpy(state->kernel.name, k + 1, k->within.name_size);
    state->kernel.seq = m->seq;
}

static void on_loss(struct model *m, const struct event *event)
{
    m->image->ledger.lost += ((const struct pmt_lost *)event->record)->count;
    model_show(m, event, 0);
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
        model_thread(image, t->r.tid)->stack = t->stack;
    if (!can_be_stack(r))
        return;
    struct region *stack = regions_renew(map, r);
    bool was_known = stack->kind == KIND_THREAD_STACK;
    stack->kind = KIND_THREAD_STACK;
    stack->tid = t->r.tid;
    const struct region *below = regions_find(map, stack->raw.start - 1);
    if (!was_known && below && below->kind == KIND_ANONYMOUS && !below->path[0] &&
        !(below->raw.perms & (PMT_PERM_READ | PMT_PERM_WRITE | PMT_PERM_EXEC)))
        regions_renew(map, below)->kind = KIND_GUARD;
}

/* What still waits for a call of the thread will not get it. */
static void thread_ends(struct model *m, uint32_t tid)
{
    struct image_state *s = m->image->state;
    for (size_t i = 0; i < s->thread_count; i++) {
        if (s->threads[i].tid != tid)
            continue;
        deliver_waiting(m, &s->threads[i], NULL);
        change_list_free(&s->threads[i].waiting);
        s->threads[i] = s->threads[--s->thread_count];
        return;
    }
}

static void on_thread(struct model *m, const struct event *event)
{
    const struct pmt_thread *t = (const struct pmt_thread *)event->record;
    if (t->event == PMT_THREAD_START)
        thread_starts(m->image, t);
    else
        thread_ends(m, t->r.tid);
    model_show(m, event, 0);
}

static void deliver_all(struct model *m)
{
    struct image_state *s = m->image->state;
    for (size_t i = 0; i < s->thread_count; i++)
        deliver_waiting(m, &s->threads[i], NULL);
}

static void forget(struct model *m)
{
    for (unsigned i = 0; i < m->view_count; i++)
        if (m->views[i]->forget)
            m->views[i]->forget(m->views[i], m);
    images_forget(m, m->image);
    m->image = NULL;
}

static void on_exit_record(struct model *m, const struct event *event)
{
    deliver_all(m);
    m->image->ended = true;
    model_show(m, event, 0);
    forget(m);
    m->ended = m->state->live_count == 0;
}

static void on_process(struct model *m, const struct event *event)
{
    struct image *image = images_new(m, event);
    if (!image) { /* a second one changes nothing */
        m->ignored++;
        return;
    }
    m->image = image;
    m->ended = false;
    model_show(m, event, 0);
}

static void on_other(struct model *m, const struct event *event)
{
    switch (event->record->type) {
    case PMT_RECORD_KERNEL:
        return on_kernel(m, event);
    case PMT_RECORD_SNAPSHOT:
        return looks_snapshot(m, event);
    case PMT_RECORD_STACK:
        stacks_add(&m->image->stacks, event, &m->image->map);
        return model_show(m, event, 0);
    case PMT_RECORD_LOSS:
        return on_loss(m, event);
    case PMT_RECORD_THREAD:
        return on_thread(m, event);
    case PMT_RECORD_FORK:
        images_keep_for_child(m, event);
        return model_show(m, event, 0);
    case PMT_RECORD_EXIT:
        return on_exit_record(m, event);
    default:
        return model_show(m, event, 0);
    }
}

void model_event(struct model *m, const struct event *event)
{
    if (event->record->type == PMT_RECORD_PROCESS)
        on_process(m, event);
    else if (!model_select(m, event->image))
        m->ignored++;
    else if (event->record->type == PMT_RECORD_ALLOC)
        on_alloc(m, event);
    else
        on_other(m, event);
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

const struct image *model_image(const struct model *m, size_t index)
{
    return index < m->state->live_count ? m->state->live[index] : NULL;
}

int model_close(struct model *m)
{
    int result = 0;
    while (m->state->live_count) {
        m->image = m->state->live[0];
        deliver_all(m);
        forget(m);
    }
    for (unsigned i = 0; i < m->view_count; i++) {
        int error = m->views[i]->close(m->views[i], m);
        result = result ? result : error;
    }
    images_free(m);
    return result;
}
