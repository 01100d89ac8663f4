#include "shim/looks/snapshot.h"
#include "shim/base/area.h"
#include "shim/base/own_map.h"
#include "shim/ring/emit.h"
#include <string.h>

#define CHUNK (16u << 10) /* bytes of regions in one record, before the last one */

struct lock map_lock;

static struct maps *maps;   /* scratch, under map_lock */
static unsigned char *body; /* likewise: the regions of the record that is being put together */

bool snapshot_init(void)
{
    maps = area_get(sizeof *maps);
    body = area_get(PMT_RECORD_MAX);
    return maps && body;
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
        state_within_loader(&within);
    else
        state_within(&within);
    uint32_t name_size = pmt_align(within.name_size);
    struct emit e = emit_begin((uint32_t)sizeof(struct pmt_snapshot) + name_size + w->size);
    struct pmt_snapshot *s = e.record;
    if (!s)
        return;
    emit_header(&e, PMT_RECORD_SNAPSHOT, (uint8_t)w->reason, w->stack_id, ticks_now());
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
    if (own_map_open(maps))
        return true;
    state_lost(PMT_LOSS_SNAPSHOT);
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

void snapshot_ranges(const struct mapcalls_range *ranges, unsigned count, uint32_t stack_id)
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
    own_map_close(maps);
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
    own_map_close(maps);
}

void snapshot_stack(uint32_t stack_id)
{
    if (!open_maps())
        return;
    take_stack(stack_id);
    own_map_close(maps);
}
