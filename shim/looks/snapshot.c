#include "shim/looks/snapshot.h"
#include "schemas/look.h"
#include "shim/base/area.h"
#include "shim/base/own_map.h"
#include "shim/looks/stack_use.h"
#include "shim/ring/emit.h"

struct lock map_lock;

static struct maps *maps;   /* scratch, under map_lock */
static unsigned char *body; /* likewise: the regions of the record that is being put together */

bool snapshot_init(void)
{
    maps = area_get(sizeof *maps);
    body = area_get(PMT_RECORD_MAX);
    return maps && body;
}

static uintptr_t stack_was_low; /* likewise: where the stack began before the look */

static void send(const struct look_walk *look, const struct look_window *w)
{
    struct pmt_within within;
    if (w->reason == PMT_REASON_STACK && stack_was_low)
        stack_use_tell(stack_was_low);
    if (w->reason == PMT_REASON_LOADER)
        state_within_loader(&within);
    else
        state_within(&within);
    struct emit e = emit_begin(look_size(w, within.name_size));
    if (!e.record)
        return;
    emit_header(&e, PMT_RECORD_SNAPSHOT, (uint8_t)w->reason, look->stack_id, ticks_now());
    look_fill(look, w, &within, thread.name, e.record);
    emit_end(&e);
}

static struct look_walk walk_of(uint32_t stack_id)
{
    stack_was_low = (uintptr_t)process.stack.low;
    return (struct look_walk){.maps = maps,
                              .body = body,
                              .stack = &process.stack,
                              .page_size = live->page_size,
                              .stack_id = stack_id,
                              .send = send};
}

/* What could not be seen now is seen by a look at all of the map, as soon as that is possible. */
static void failed(void)
{
    state_lost(PMT_LOSS_SNAPSHOT);
    state_attend(ATTENTION_RETRY);
}

static bool start(void)
{
    bool opened = own_map_open(maps);
    if (!opened)
        failed();
    return opened;
}

static void end(bool complete)
{
    own_map_close(maps);
    if (!complete)
        failed();
}

void snapshot_ranges(const struct mapcalls_range *ranges, unsigned count, uint32_t stack_id)
{
    struct look_walk look = walk_of(stack_id);
    if (start())
        end(look_ranges(&look, ranges, count));
}

void snapshot_whole(enum pmt_reason reason, uint32_t stack_id)
{
    struct look_walk look = walk_of(stack_id);
    if (start())
        end(look_whole(&look, reason, sizeof(long) == 4 ? 1ull << 32 : ~0ull << 12));
}

void snapshot_stack(uint32_t stack_id)
{
    struct look_walk look = walk_of(stack_id);
    if (start())
        end(look_stack(&look));
}
