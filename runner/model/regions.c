#include "runner/model/regions.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include <string.h>

struct region *region_new(const struct pmt_region *raw, const char *path)
{
    struct region *r = memory_get(sizeof *r + raw->path_size + 1u);
    r->raw = *raw;
    r->refs = 1;
    r->kind = KIND_ANONYMOUS;
    r->tid = 0;
    r->tracer = r->grows = false;
    memcpy(r->path, path, raw->path_size);
    r->path[raw->path_size] = '\0';
    return r;
}

struct region *region_copy(const struct region *region)
{
    struct region *r = region_new(&region->raw, region->path);
    r->kind = region->kind;
    r->tid = region->tid;
    r->tracer = region->tracer;
    r->grows = region->grows;
    return r;
}

struct region *region_part(const struct region *region, uint64_t lo, uint64_t hi)
{
    struct region *r = region_copy(region);
    if (r->raw.start < lo) {
        r->raw.offset += r->raw.inode ? lo - r->raw.start : 0;
        r->raw.start = lo;
    }
    if (r->raw.end > hi)
        r->raw.end = hi;
    return r;
}

struct region *region_keep(struct region *region)
{
    if (region)
        region->refs++;
    return region;
}

void region_drop(struct region *region)
{
    if (region && --region->refs == 0)
        memory_put(region);
}

void region_list_add(struct region_list *list, struct region *region)
{
    *array_add(list->items, list->count, list->room) = region;
}

void region_list_copy(struct region_list *to, const struct region_list *from)
{
    for (size_t i = 0; i < from->count; i++)
        region_list_add(to, region_keep(from->items[i]));
}

void region_list_clear(struct region_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        region_drop(list->items[i]);
    list->count = 0;
}

void region_list_free(struct region_list *list)
{
    region_list_clear(list);
    memory_put(list->items);
    *list = (struct region_list){0};
}

size_t regions_index(const struct regions *map, uint64_t address)
{
    return array_first(at, map->list.count, map->list.items[at]->raw.end > address);
}

struct region *regions_find(const struct regions *map, uint64_t address)
{
    size_t at = regions_index(map, address);
    if (at < map->list.count && map->list.items[at]->raw.start <= address)
        return map->list.items[at];
    return NULL;
}

struct region *regions_renew(struct regions *map, const struct region *old)
{
    struct region **at = &map->list.items[regions_index(map, old->raw.start)];
    struct region *now = region_copy(old);
    region_drop(*at); /* it may be `old` */
    return *at = now;
}

bool region_same_file(const struct region *a, const struct region *b)
{
    return a->raw.inode == b->raw.inode && a->raw.dev_major == b->raw.dev_major &&
           a->raw.dev_minor == b->raw.dev_minor && (a->raw.inode || strcmp(a->path, b->path) == 0);
}

static bool is_plain(const struct region *r)
{
    return !r->raw.inode && (!r->path[0] || strcmp(r->path, "[heap]") == 0 ||
                             strcmp(r->path, "[stack]") == 0 || text_starts(r->path, "[anon:"));
}

bool region_same_memory(const struct region *a, const struct region *b)
{
    if ((a->raw.perms ^ b->raw.perms) & PMT_PERM_SHARED || a->tracer != b->tracer)
        return false;
    if (is_plain(a) && is_plain(b))
        return true;
    return region_same_file(a, b) &&
           (!a->raw.inode || a->raw.start - a->raw.offset == b->raw.start - b->raw.offset);
}

bool region_same(const struct region *a, const struct region *b)
{
    return a->raw.start == b->raw.start && a->raw.end == b->raw.end &&
           a->raw.perms == b->raw.perms && a->raw.offset == b->raw.offset && region_same_file(a, b);
}

/* Puts `count` new items in the place of [from, to). */
static void splice(struct region_list *list, size_t from, size_t to, struct region **items,
                   size_t count)
{
    size_t rest = list->count - to, total = from + count + rest;
    list->items = array_fit(list->items, total, &list->room, sizeof *list->items);
    if (rest)
        memmove(list->items + from + count, list->items + to, rest * sizeof *list->items);
    if (count)
        memcpy(list->items + from, items, count * sizeof *items);
    list->count = total;
}

void region_list_widen(const struct region_list *list, uint64_t *lo, uint64_t *hi)
{
    if (list->count && list->items[0]->raw.start < *lo)
        *lo = list->items[0]->raw.start;
    if (list->count && list->items[list->count - 1]->raw.end > *hi)
        *hi = list->items[list->count - 1]->raw.end;
}

void regions_replace(struct regions *map, uint64_t lo, uint64_t hi, struct region_list *now,
                     struct region_list *gone, struct region_list *fresh)
{
    region_list_widen(now, &lo, &hi);
    size_t from = regions_index(map, lo), to = from, next = 0;
    while (to < map->list.count && map->list.items[to]->raw.start < hi)
        to++;
    for (size_t i = from; i < to; i++) {
        struct region *old = map->list.items[i];
        while (next < now->count && now->items[next]->raw.start < old->raw.start)
            region_list_add(fresh, region_keep(now->items[next++]));
        if (next < now->count && region_same(old, now->items[next])) {
            region_drop(now->items[next]);
            now->items[next++] = old;
        } else {
            region_list_add(gone, old);
        }
    }
    while (next < now->count)
        region_list_add(fresh, region_keep(now->items[next++]));
    splice(&map->list, from, to, now->items, now->count);
    now->count = 0;
}

static void count(struct total *total, const struct region *r)
{
    total->regions++;
    total->bytes += region_size(r);
}

struct totals regions_totals(const struct regions *map)
{
    struct totals t = {0};
    for (size_t i = 0; i < map->list.count; i++) {
        const struct region *r = map->list.items[i];
        count(&t.kinds[r->kind], r);
        if (!r->tracer)
            count(&t.program, r);
    }
    return t;
}
