#include "shim/ring/emit.h"
#include "shim/ring/output.h"
#include <errno.h>

/* How long a full ring may hold up the program in all before it goes on without being traced. */
#define WAIT_STEP_MS 20
#define WAIT_STEPS 250
#define SPINS 50

static bool has_room(uint32_t end)
{
    uint32_t tail = __atomic_load_n(&live->ring->tail, __ATOMIC_ACQUIRE);
    __atomic_store_n(&live->limit, tail + live->mask + 1, __ATOMIC_RELEASE);
    return end - tail <= live->mask + 1;
}

static uint32_t tail_seen(void)
{
    return __atomic_load_n(&live->limit, __ATOMIC_RELAXED) - (live->mask + 1);
}

static bool runner_is_gone(void)
{
    return sys2(__NR_kill, live->ring->runner_pid, 0) == -ESRCH;
}

/* Until the ring has room up to `end`. The runner wakes the waiters: ring_release() there. */
static bool wait_for_room(uint32_t end)
{
    struct pmt_ring *ring = live->ring;
    for (int i = 0; i < SPINS; i++) {
        if (has_room(end))
            return true;
        __builtin_ia32_pause();
    }
    if (process.forbidden)
        return false;
    uint32_t last = __atomic_load_n(&ring->tail, __ATOMIC_RELAXED);
    for (int step = 0; step < WAIT_STEPS; step++) {
        __atomic_fetch_add(&ring->full_waiters, 1, __ATOMIC_SEQ_CST);
        if (!has_room(end))
            sys_futex_wait(&ring->tail, tail_seen(), WAIT_STEP_MS);
        __atomic_fetch_sub(&ring->full_waiters, 1, __ATOMIC_SEQ_CST);
        if (has_room(end))
            return true;
        if (runner_is_gone()) {
            live->sink = SINK_NONE;
            state_update();
            return false;
        }
        if (tail_seen() != last) /* it is slow, but it is there */
            step = 0;
        last = tail_seen();
    }
    live->sink = SINK_STUCK;
    state_update();
    return false;
}

/* After the runner was stuck: go on as soon as half of the ring is free again. */
static bool recovered(void)
{
    if (!has_room(live->ring->head + (live->mask + 1) / 2))
        return false;
    live->sink = SINK_RING;
    state_update();
    return true;
}

struct emit emit_begin_slow(uint32_t size, uint32_t position, bool reserved)
{
    struct emit none = {0, 0, 0};
    if (live->sink == SINK_OUTPUT)
        return (struct emit){output_begin(size), 0, size};
    if (live->sink == SINK_NONE)
        return none;
    if (live->sink == SINK_STUCK && !recovered()) {
        state_lost(PMT_LOSS_RUNNER_STUCK);
        return none;
    }
    if (!reserved)
        position = __atomic_fetch_add(&live->ring->head, size, __ATOMIC_RELAXED);
    if (!wait_for_room(position + size)) {
        state_lost(live->sink == SINK_NONE ? PMT_LOSS_RUNNER_GONE : PMT_LOSS_RUNNER_STUCK);
        return none;
    }
    return (struct emit){live->data + (position & live->mask), position ^ live->cookie, size};
}

void emit_end_output(struct emit *e)
{
    output_end(e->record);
}
