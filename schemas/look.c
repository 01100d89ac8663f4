#include "schemas/look.h"
#include <string.h>

#define CHUNK (16u << 10) /* bytes of regions in one record, before the last one */

void look_fill(const struct look_walk *l, const struct look_window *w,
               const struct pmt_within *within, const char *name, struct pmt_snapshot *out)
{
    unsigned char *behind = (unsigned char *)(out + 1);
    out->lo = w->lo;
    out->hi = w->hi;
    out->regions = w->regions;
    out->flags = w->flags;
    out->within = *within;
    memcpy(behind, name, within->name_size);
    memcpy(behind + pmt_align(within->name_size), l->body, w->size);
}

static void add(const struct look_walk *l, struct look_window *w)
{
    const struct pmt_region *g = &l->maps->region;
    unsigned char *to = l->body + w->size, *path = to + sizeof *g;
    uint32_t whole = pmt_align(g->path_size);
    memcpy(to, g, sizeof *g);
    memcpy(path, l->maps->path, g->path_size);
    memset(path + g->path_size, 0, whole - g->path_size);
    w->size += (uint32_t)sizeof *g + whole;
    w->regions++;
    if (g->start <= l->stack->inside && l->stack->inside < g->end) {
        l->stack->low = g->start;
        l->stack->high = g->end;
    }
}

/* The regions that reach into the window, in as many records as it takes. What the look has told
 * already, which is all below `told`, is not told again: another thread may have made it another.
 * Returns up to where it has told now, 0 if the map could not be read. */
static uint64_t take(const struct look_walk *l, struct look_window w, uint64_t told, bool last)
{
    struct maps *maps = l->maps;
    w.lo = w.lo < told ? told : w.lo;
    w.hi = w.hi <= w.lo ? w.lo + l->page_size : w.hi;
    uint64_t hi = w.hi;
    for (uint64_t at = w.lo; at < hi && maps_next(maps, at) && maps->region.start < hi;) {
        if (maps->region.start < told) /* it has been merged with what is below meanwhile */
            maps->region.start = told;
        if (w.size > CHUNK) { /* this record's window ends where the next one's begins */
            w.hi = maps->region.start;
            l->send(l, &w);
            w.lo = w.hi;
            w.size = w.regions = 0;
        }
        add(l, &w);
        told = at = maps->region.end;
    }
    if (maps->error || (told == 0 && w.flags & PMT_SNAPSHOT_WHOLE)) /* no map is empty */
        return 0;
    w.hi = hi;
    w.flags |= last ? PMT_SNAPSHOT_LAST : 0;
    l->send(l, &w);
    return told < hi ? hi : told;
}

/* The last thing to read of a map: the stack is above everything else. A page fault makes it larger
 * only: where it is smaller a call of another thread is under way, which has a look of its own. */
bool look_stack(const struct look_walk *l)
{
    struct look_window w = {.flags = PMT_SNAPSHOT_LAST, .reason = PMT_REASON_STACK};
    const struct pmt_region *g = &l->maps->region;
    if (!maps_next(l->maps, l->stack->inside))
        return !l->maps->error;
    if (g->start > l->stack->inside || (l->stack->low && g->start >= l->stack->low))
        return true;
    w.lo = g->start;
    w.hi = g->end;
    add(l, &w);
    l->send(l, &w);
    return true;
}

bool look_ranges(const struct look_walk *l, const struct mapcalls_range *ranges, unsigned count)
{
    uint64_t told = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t lo = ranges[i].lo;
        struct look_window w = {.lo = lo < l->page_size ? 0 : lo - l->page_size,
                                .hi = ranges[i].hi + l->page_size,
                                .reason = PMT_REASON_KERNEL};
        told = take(l, w, told, i + 1 == count);
        if (!told)
            return false;
    }
    return look_stack(l);
}

bool look_whole(const struct look_walk *l, enum pmt_reason reason, uint64_t end)
{
    struct look_window w = {.hi = end, .flags = PMT_SNAPSHOT_WHOLE, .reason = reason};
    return take(l, w, 0, true);
}
