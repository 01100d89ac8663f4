#include "shim/looks/snapshot.h"
#include "schemas/maps.h"
#include "shim/base/memory.h"
#include "shim/looks/loader.h"
#include "shim/ring/emit.h"
#include "shim/stacks/stacks.h"
#include "shim/start.h"
#include <fcntl.h>
#include <string.h>

#define CHUNK (16u << 10) /* bytes of regions in one record, before the last one */

struct lock map_lock, find_lock;

static bool by_query;
static struct maps *maps;   /* scratch, under map_lock */
static struct maps *finder; /* likewise, under find_lock */
static unsigned char *body; /* likewise: the regions of the record that is being put together */

static long read_maps(int fd, void *out, size_t size)
{
    return sys3(__NR_read, fd, out, size);
}

static long ask_maps(int fd, unsigned long request, void *argument)
{
    return sys3(__NR_ioctl, fd, request, argument);
}

/* Not /proc/self: that is the main thread, and it may have ended. */
static bool start(struct maps *m, bool query)
{
    static const struct maps_io io = {read_maps, ask_maps};
    maps_start(m, &io, sys_open("/proc/thread-self/maps", O_RDONLY, 0), query);
    return m->fd >= 0;
}

static bool can_query(void)
{
    if (!start(maps, false))
        return false;
    bool can = maps_can_query(maps->io, maps->fd);
    if (can && sizeof(long) == 8)
        maps_learn_gate(maps);
    sys_close(maps->fd);
    return can;
}

bool snapshot_init(bool text)
{
    maps = memory_private(sizeof *maps);
    finder = memory_private(sizeof *finder);
    body = memory_private(PMT_RECORD_MAX);
    by_query = maps && !text && can_query();
    return maps && finder && body;
}

bool snapshot_by_query(void)
{
    return by_query;
}

struct window {
    uint64_t lo, hi;
    uint32_t regions;
    uint32_t size; /* bytes used of `body` */
    uint32_t flags;
    uint32_t stack_id;
    enum pmt_reason reason;
};

static void send(const struct window *w)
{
    struct pmt_within within;
    if (w->reason == PMT_REASON_LOADER)
        loader_within(&within);
    else
        state_within(&within);
    uint32_t name_size = pmt_align(within.name_size);
    struct emit e = emit_begin((uint32_t)sizeof(struct pmt_snapshot) + name_size + w->size);
    struct pmt_snapshot *s = e.record;
    if (!s)
        return;
    emit_header(&e, PMT_RECORD_SNAPSHOT, (uint8_t)w->reason, w->stack_id, clock_now());
    s->lo = w->lo;
    s->hi = w->hi;
    s->regions = w->regions;
    s->flags = w->flags;
    s->within = within;
    memcpy(s + 1, thread.name, within.name_size);
    memcpy((unsigned char *)(s + 1) + name_size, body, w->size);
    emit_end(&e);
}

static void add(struct window *w)
{
    const struct pmt_region *g = &maps->region;
    memcpy(body + w->size, g, sizeof *g);
    memcpy(body + w->size + sizeof *g, maps->path, g->path_size);
    w->size += (uint32_t)sizeof *g + pmt_align(g->path_size);
    w->regions++;
    if (g->start <= process.stack_end && process.stack_end < g->end) {
        process.stack_low = g->start;
        process.stack_high = g->end;
    }
}

/* The regions that reach into [lo, hi), in as many records as it takes. */
static void take(struct window *w, bool last)
{
    uint64_t hi = w->hi;
    uint64_t at = w->lo;
    while (at < hi && maps_next(maps, at) && maps->region.start < hi) {
        if (w->size > CHUNK) { /* this record's window ends where the next one's begins */
            w->hi = maps->region.start;
            send(w);
            w->lo = w->hi;
            w->size = w->regions = 0;
        }
        if (w->regions &&
            maps->region.start < at) /* merged with the one before, since we asked for that */
            maps->region.start = at;
        add(w);
        at = maps->region.end;
    }
    w->hi = hi;
    w->flags |= last ? PMT_SNAPSHOT_LAST : 0;
    send(w);
}

static bool open_maps(void)
{
    if (start(maps, by_query))
        return true;
    emit_lost(PMT_LOSS_SNAPSHOT);
    state_attend(ATTENTION_RETRY);
    return false;
}

/* The last thing to read from an open map: the stack is above everything else. */
static void take_stack(uint32_t stack_id)
{
    if (!maps_next(maps, process.stack_end) || maps->region.start > process.stack_end ||
        maps->region.start == process.stack_low)
        return;
    struct window w = {.lo = maps->region.start,
                       .hi = maps->region.end,
                       .flags = PMT_SNAPSHOT_LAST,
                       .stack_id = stack_id,
                       .reason = PMT_REASON_STACK};
    add(&w);
    send(&w);
}

void snapshot_ranges(const struct range *ranges, unsigned count, uint32_t stack_id)
{
    if (!open_maps())
        return;
    for (unsigned i = 0; i < count; i++) {
        uint64_t lo = ranges[i].lo;
        struct window w = {.lo = lo < live->page_size ? 0 : lo - live->page_size,
                           .hi = ranges[i].hi + live->page_size,
                           .stack_id = stack_id,
                           .reason = PMT_REASON_KERNEL};
        take(&w, i + 1 == count);
    }
    take_stack(stack_id);
    sys_close(maps->fd);
}

void snapshot_whole(enum pmt_reason reason, uint32_t stack_id)
{
    struct window w = {.hi = sizeof(long) == 4 ? 1ull << 32 : ~0ull << 12,
                       .flags = PMT_SNAPSHOT_WHOLE,
                       .stack_id = stack_id,
                       .reason = reason};
    if (!open_maps())
        return;
    take(&w, true);
    sys_close(maps->fd);
}

/* Whether some region contains `address`; it is then in maps->region. */
static bool find_in(struct maps *m, uint64_t address)
{
    bool found = maps_next(m, address) && m->region.start <= address;
    sys_close(m->fd);
    return found;
}

static bool find(uint64_t address)
{
    return open_maps() && find_in(maps, address);
}

uint64_t snapshot_region_end(uint64_t address)
{
    return find(address) ? maps->region.end : address;
}

bool snapshot_find_region(uint64_t address, uint64_t *low, uint64_t *high)
{
    uint64_t mask;
    bool found = false;
    sys_block_signals(&mask);
    if (lock_take(&find_lock)) {
        found = start(finder, by_query) && find_in(finder, address);
        *low = finder->region.start;
        *high = finder->region.end;
        lock_release(&find_lock);
    }
    sys_restore_signals(&mask);
    return found;
}

/* The stack pointer of the main thread lies below the stack as last seen: the stack has grown, or
 * this is a signal stack or a coroutine's. */
static void stack_is_low(uintptr_t sp, uint32_t stack_id)
{
    if (sp - thread.other_low < thread.other_high - thread.other_low)
        return;
    if (open_maps()) {
        take_stack(stack_id);
        sys_close(maps->fd);
    }
    thread.stack_low = (uintptr_t)process.stack_low;
    if (sp < process.stack_low && find(sp)) {
        thread.other_low = (uintptr_t)maps->region.start;
        thread.other_high = (uintptr_t)maps->region.end;
    }
}

void snapshot_pay_attention(uintptr_t caller)
{
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    uint64_t mask;
    sys_block_signals(&mask);
    uint32_t stack_id = thread.loader.call ? thread.loader.stack_id : stacks_here(caller);
    if (lock_take(&map_lock)) {
        uint32_t wanted = __atomic_exchange_n(&live->attention, 0, __ATOMIC_RELAXED);
        if (thread.loader_ran)
            wanted |= ATTENTION_LOADER;
        if (wanted)
            snapshot_whole(wanted & ATTENTION_LOADER ? PMT_REASON_LOADER : PMT_REASON_RETRY,
                           stack_id);
        if (sp < thread.stack_low)
            stack_is_low(sp, stack_id);
        lock_release(&map_lock);
        loader_was_looked_at();
        state_update();
    }
    sys_restore_signals(&mask);
}

void snapshot_after_call(uintptr_t caller)
{
    uint64_t mask;
    if (thread.busy || (uint32_t)sys0(__NR_getpid) != live->pid)
        return;
    sys_block_signals(&mask);
    uint32_t stack_id = stacks_here(caller);
    __atomic_fetch_add(&live->unmapped, 1, __ATOMIC_RELEASE); /* for all that is known */
    if (lock_take(&map_lock)) {
        snapshot_whole(PMT_REASON_CALL, stack_id);
        lock_release(&map_lock);
    }
    sys_restore_signals(&mask);
}
