/* Writing one record: begin, fill in, end. With a runner the record is written in the ring itself;
 * without one it is put together aside and written to PROCMAP_TRACE_OUTPUT as JSON. */
#pragma once

#include "shim/base/state.h"
#include "shim/ring/ticks.h"

struct emit {
    void *record; /* NULL: lost, and counted */
    uint32_t stamp;
    uint32_t size;
};

struct emit emit_begin_slow(uint32_t size, uint32_t position, bool reserved);
void emit_end_output(struct emit *emit);

/* An atomic add also waits for all stores before it, here those of the record before, whose cache
 * lines come from the reader. Where there is no other thread, one instruction is enough: a signal
 * handler cannot split it. */
static inline uint32_t emit_reserve_alone(uint32_t *head, uint32_t size)
{
    __asm__ volatile("xaddl %0, %1" : "+r"(size), "+m"(*head));
    return size;
}

static inline uint32_t emit_reserve(uint32_t *head, uint32_t size)
{
    if (likely(*live->alone))
        return emit_reserve_alone(head, size);
    return __atomic_fetch_add(head, size, __ATOMIC_RELAXED);
}

/* `size` bytes, a multiple of PMT_RECORD_ALIGN and at most PMT_RECORD_MAX. */
static inline struct emit emit_begin(uint32_t size)
{
    if (unlikely(live->sink != SINK_RING))
        return emit_begin_slow(size, 0, false);
    uint32_t position = emit_reserve(&live->ring->head, size);
    /* partner: has_room() */
    if (unlikely((int32_t)(__atomic_load_n(&live->limit, __ATOMIC_ACQUIRE) - position - size) < 0))
        return emit_begin_slow(size, position, true);
    return (struct emit){live->data + (position & live->mask), position ^ live->cookie, size};
}

static inline void emit_header(struct emit *e, uint8_t type, uint8_t call, uint32_t stack_id,
                               uint64_t time)
{
    struct pmt_record *r = e->record;
    r->units = (uint16_t)(e->size / PMT_RECORD_ALIGN);
    r->type = type;
    r->call = call;
    r->tid = state_tid();
    r->stack_id = stack_id;
    r->time = time;
}

static inline void emit_end(struct emit *e)
{
    struct pmt_record *r = e->record;
    if (unlikely(live->sink == SINK_OUTPUT))
        return emit_end_output(e);
    /* partner: ring_next() in the runner */
    __atomic_store_n(&r->stamp, e->stamp, __ATOMIC_RELEASE);
}
