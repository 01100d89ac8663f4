#include "runner/views/export_sums.h"
#include "runner/base/memory.h"
#include "schemas/glibc.h"
#include <string.h>

#define FIRST_EVERY_NS 1000u

static struct export_sum *sum_of(struct export_sums *s, uint32_t stack_id)
{
    if (stack_id >= s->room) {
        size_t room = (size_t)stack_id + stack_id / 2 + 64;
        struct export_sum *items = memory_get(room * sizeof *items);
        if (s->room)
            memcpy(items, s->items, s->room * sizeof *items);
        memory_put(s->items);
        s->items = items;
        s->room = room;
    }
    return &s->items[stack_id];
}

/* ---- moments ---- */

/* Half as many, of which the largest of each two stays. */
static void thin(struct export_sums *s)
{
    for (size_t i = 0; i < EXPORT_MOMENTS / 2; i++) {
        const struct export_moment *a = &s->moments[2 * i], *b = a + 1;
        s->moments[i] = a->live >= b->live ? *a : *b;
    }
    s->moment_count = EXPORT_MOMENTS / 2;
}

static void note_moment(struct export_sums *s)
{
    uint64_t last = s->moment_count ? s->moments[s->moment_count - 1].t_ns : 0;
    if (s->moment_count && s->now.t_ns < last + s->every_ns)
        return;
    if (s->moment_count == EXPORT_MOMENTS) {
        thin(s);
        s->every_ns = 2 * (s->every_ns ? s->every_ns : FIRST_EVERY_NS);
    }
    s->moments[s->moment_count++] = s->now;
}

/* The peak is kept when it is over, so that a growing heap is not copied at each block; a later one
 * counts if it is higher by a hundredth, which bounds how often that is. */
static void keep_peak(struct export_sums *s)
{
    if (s->now.live <= s->peak.live + s->peak.live / 100)
        return;
    s->peak = s->now;
    for (size_t i = 0; i < s->room; i++) {
        s->items[i].peak = s->items[i].live;
        s->items[i].peak_blocks = s->items[i].live_blocks;
    }
}

/* ---- blocks ---- */

static uint64_t extra_of(uint64_t size, uint32_t chunk)
{
    uint64_t whole = chunk & ~PMT_CHUNK_FLAGS;
    return whole > size ? whole - size : 0;
}

static void take(struct export_sums *s, const struct allocation *block)
{
    struct export_sum *sum = sum_of(s, block->stack_id);
    keep_peak(s);
    sum->live -= block->size;
    sum->live_blocks--;
    s->now.live -= block->size;
    s->now.moved += block->size;
    s->now.extra -= extra_of(block->size, block->chunk);
}

static void give(struct export_sums *s, const struct pmt_alloc *a)
{
    struct export_sum *sum = sum_of(s, a->r.stack_id);
    sum->live += a->size;
    sum->live_blocks++;
    sum->total += a->size;
    sum->total_blocks++;
    s->now.live += a->size;
    s->now.moved += a->size;
    s->now.extra += extra_of(a->size, allocation_chunk(a->chunk));
}

void export_sums_call(struct export_sums *s, const struct model *m, const struct event *event)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    const struct allocations *all = &m->image->allocations;
    const struct allocation *old = NULL;
    s->now.t_ns = event->t_ns;
    if (a->r.call == PMT_CALL_FREE)
        old = a->addr ? allocations_find(all, a->addr) : NULL;
    else if (a->r.call == PMT_CALL_REALLOC || a->r.call == PMT_CALL_REALLOCARRAY)
        old = allocations_given_back(all, a, event->began_ns);
    if (old)
        take(s, old);
    if (a->r.call != PMT_CALL_FREE && a->addr) {
        const struct allocation *there = allocations_find(all, a->addr);
        if (there && there != old) /* its free was lost */
            take(s, there);
        give(s, a);
    }
    note_moment(s);
}

void export_sums_look(struct export_sums *s, const struct model *m)
{
    const struct region_list *map = &m->image->map.list;
    for (size_t i = 0; i < map->count; i++)
        if (map->items[i]->kind == KIND_STACK)
            s->now.stack = region_size(map->items[i]);
}

void export_sums_change(struct export_sums *s, const struct model *m, const struct change *change)
{
    s->now.t_ns = change->t_ns;
    if (change->tracer)
        return;
    if (change->delta > 0)
        sum_of(s, change->cause.stack_id)->growth += (uint64_t)change->delta;
    export_sums_look(s, m);
    note_moment(s);
}

void export_sums_end(struct export_sums *s, uint64_t t_ns)
{
    s->now.t_ns = t_ns > s->now.t_ns ? t_ns : s->now.t_ns;
    keep_peak(s);
    if (s->moment_count == EXPORT_MOMENTS)
        thin(s);
    s->moments[s->moment_count++] = s->now;
}

void export_sums_free(struct export_sums *s)
{
    memory_put(s->items);
    *s = (struct export_sums){0};
}
