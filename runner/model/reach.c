#include "runner/model/reach.h"
#include "runner/base/text.h"
#include <sys/mman.h>

#define EVERYWHERE ((struct reach){.ranges = {{0, UINT64_MAX}}, .count = 1})

static const struct region *at(const struct region_list *list, uint64_t address)
{
    return regions_find(&(struct regions){*list}, address);
}

/* mprotect(2) of a stack with all that lies below. */
static void extend_down(struct mapcalls_range *range, const struct region_list *gone)
{
    const struct region *r = at(gone, range->lo);
    if (r)
        range->lo = r->raw.start;
}

static bool extends_down(const struct mapcalls_call *c)
{
    return (c->call == PMT_CALL_MPROTECT || c->call == PMT_CALL_PKEY_MPROTECT) &&
           (c->args[2] & PROT_GROWSDOWN);
}

static struct reach of_call(const struct cause *cause, uint64_t hi, uint64_t page_size,
                            const struct region_list *gone)
{
    struct mapcalls_call call = {.call = (enum pmt_call)cause->kernel,
                                 .effect = mapcalls_effect(cause->kernel)};
    struct mapcalls_outcome outcome = {.result = (uint64_t)cause->result,
                                       .failed = cause_failed(cause),
                                       .old_brk = cause->old_brk,
                                       .region_end = hi - page_size,
                                       .page_size = page_size};
    struct reach reach = {.maps = call.effect == MAPCALLS_RESULT || call.effect == MAPCALLS_BOTH ||
                                  call.effect == MAPCALLS_ATTACH};
    for (unsigned i = 0; i < 6; i++)
        call.args[i] = cause->args[i];
    reach.count = mapcalls_ranges(&call, &outcome, reach.ranges);
    if (reach.count && extends_down(&call))
        extend_down(&reach.ranges[0], gone);
    return reach.count || !mapcalls_may_be_anywhere(&call, &outcome) ? reach : EVERYWHERE;
}

struct reach reach_of(const struct cause *cause, uint64_t hi, uint64_t page_size,
                      const struct region_list *gone)
{
    return cause->kind == CAUSE_KERNEL ? of_call(cause, hi, page_size, gone) : EVERYWHERE;
}

/* ---- in between ---- */

struct work {
    const struct reach *reach;
    const struct region_list *gone, *fresh;
};

/* The first end or beginning above `address`. */
static uint64_t next_edge(const struct work *w, uint64_t address)
{
    const struct region_list *lists[2] = {w->gone, w->fresh};
    uint64_t next = UINT64_MAX;
#define CLOSER(edge) next = (edge) > address && (edge) < next ? (edge) : next
    for (int i = 0; i < 2; i++) {
        size_t above = regions_index(&(struct regions){*lists[i]}, address);
        if (above == lists[i]->count)
            continue;
        CLOSER(lists[i]->items[above]->raw.start);
        CLOSER(lists[i]->items[above]->raw.end);
    }
    for (unsigned i = 0; i < w->reach->count; i++) {
        CLOSER(w->reach->ranges[i].lo);
        CLOSER(w->reach->ranges[i].hi);
    }
#undef CLOSER
    return next;
}

/* Whether the cause reaches [lo, hi); with lo equal to hi: a border there. */
static bool is_in_reach(const struct reach *reach, uint64_t lo, uint64_t hi)
{
    for (unsigned i = 0; i < reach->count; i++)
        if (reach->ranges[i].lo <= lo && hi <= reach->ranges[i].hi)
            return true;
    return false;
}

/* What reaches down to [lo, hi) now, where nothing was before; or NULL. Since then it may have been
 * divided. */
static const struct region *grown(const struct work *w, uint64_t lo, uint64_t hi)
{
    size_t above = regions_index(&(struct regions){*w->gone}, lo);
    const struct region *had = above < w->gone->count ? w->gone->items[above] : NULL;
    if (!had || !had->grows || had->raw.start < hi)
        return NULL;
    for (uint64_t next = lo; next < had->raw.start;) {
        const struct region *now = at(w->fresh, next);
        if (!now || !now->grows)
            return NULL;
        next = now->raw.end;
    }
    return had;
}

/* Whether two regions meet at `address`. Where only one of them is, that does not tell. */
static bool is_border(const struct region_list *list, uint64_t address)
{
    const struct region *above = at(list, address), *below = at(list, address - 1);
    return above && below && above != below;
}

static bool joins(const struct work *w, const struct region *below, const struct region *r)
{
    bool in_reach = is_in_reach(w->reach, r->raw.start, r->raw.start);
    return below->raw.end == r->raw.start && below->raw.perms == r->raw.perms &&
           region_same_memory(below, r) && !is_border(in_reach ? w->gone : w->fresh, r->raw.start);
}

/* `r` is taken over. */
static void add(struct region_list *out, const struct work *w, struct region *r, bool was_there)
{
    struct region *below = out->count ? out->items[out->count - 1] : NULL;
    if (!below || !joins(w, below, r))
        return region_list_add(out, r);
    if (!was_there) {
        below->raw.end = r->raw.end;
        return region_drop(r);
    }
    r->raw.start = below->raw.start; /* it stays what it was, with its name */
    r->raw.offset = below->raw.offset;
    out->items[out->count - 1] = r;
    region_drop(below);
}

/* Which part of the stack has the kernel's name for it is nobody's doing. */
static bool is_as_before(const struct region *had, const struct region *has)
{
    return had && has && had->raw.perms == has->raw.perms && region_same_memory(had, has) &&
           !text_starts(had->path, "[anon:") && !text_starts(has->path, "[anon:");
}

void reach_between(const struct reach *reach, const struct region_list *gone,
                   const struct region_list *fresh, struct region_list *out)
{
    struct work w = {reach, gone, fresh};
    for (uint64_t lo = 0, hi; lo < UINT64_MAX; lo = hi) {
        hi = next_edge(&w, lo);
        bool in_reach = is_in_reach(reach, lo, hi);
        const struct region *had = at(gone, lo), *has = at(fresh, lo);
        const struct region *from = in_reach && reach->maps ? NULL : grown(&w, lo, hi);
        if (from) {
            struct region *r = region_copy(from);
            r->raw.start = lo;
            r->raw.end = hi;
            add(out, &w, r, false);
        } else if (in_reach || is_as_before(had, has)) {
            if (had)
                add(out, &w, region_part(had, lo, hi), true);
        } else if (has) {
            add(out, &w, region_part(has, lo, hi), false);
        }
    }
}
