#include "changes.h"
#include "memory.h"
#include <stdlib.h>
#include <string.h>

const char *change_name(enum change_type type)
{
    static const char *const names[] = {
        [CHANGE_ADDED] = "added",       [CHANGE_REMOVED] = "removed",
        [CHANGE_GROWN] = "grown",       [CHANGE_SHRUNK] = "shrunk",
        [CHANGE_MOVED] = "moved",       [CHANGE_PROTECTION] = "protection",
        [CHANGE_SPLIT] = "split",       [CHANGE_MERGED] = "merged",
    };
    return names[type];
}

static void clear(struct change *change)
{
    region_drop(change->before);
    region_drop(change->after);
    region_list_free(&change->parts);
}

void change_list_clear(struct change_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        clear(&list->items[i]);
    list->count = 0;
}

void change_list_free(struct change_list *list)
{
    change_list_clear(list);
    memory_put(list->items);
    *list = (struct change_list){0};
}

static struct change *add(struct change_list *list, enum change_type type, struct region *before,
                          struct region *after)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 8;
        list->items = memory_resize(list->items, list->room * sizeof *list->items);
    }
    struct change *c = &list->items[list->count++];
    memset(c, 0, sizeof *c);
    c->type = type;
    c->before = region_keep(before);
    c->after = region_keep(after);
    c->delta = (int64_t)((after ? region_size(after) : 0) - (before ? region_size(before) : 0));
    return c;
}

/* The same file at the same offset, or no file in either. The place in the file is compared where the
 * regions could overlap. */
static bool same_backing(const struct region *a, const struct region *b)
{
    if (a->raw.inode != b->raw.inode || a->raw.dev_major != b->raw.dev_major ||
        a->raw.dev_minor != b->raw.dev_minor || strcmp(a->path, b->path) != 0 ||
        (a->raw.perms & PMT_PERM_SHARED) != (b->raw.perms & PMT_PERM_SHARED))
        return false;
    return !a->raw.inode || a->raw.start - a->raw.offset == b->raw.start - b->raw.offset;
}

static bool overlap(const struct region *a, const struct region *b)
{
    return a->raw.start < b->raw.end && b->raw.start < a->raw.end;
}

/* `b` is what `a` has become, at least in part. */
static bool continues(const struct region *a, const struct region *b)
{
    return overlap(a, b) && a->raw.perms == b->raw.perms && same_backing(a, b);
}

struct work {
    const struct region_list *gone, *fresh;
    /* how many partners each has in the other list by continues(), and the first one's index */
    unsigned *gone_links, *fresh_links;
    size_t *gone_first, *fresh_first;
    bool *fresh_merged; /* told as merged() */
    struct change_list *out;
};

/* Both lists are ascending, so only neighbours need to be compared. */
static void link_lists(struct work *w)
{
    size_t from = 0;
    for (size_t i = 0; i < w->gone->count; i++) {
        const struct region *old = w->gone->items[i];
        while (from < w->fresh->count && w->fresh->items[from]->raw.end <= old->raw.start)
            from++;
        for (size_t j = from; j < w->fresh->count && w->fresh->items[j]->raw.start < old->raw.end; j++) {
            if (!continues(old, w->fresh->items[j]))
                continue;
            if (!w->gone_links[i]++)
                w->gone_first[i] = j;
            if (!w->fresh_links[j]++)
                w->fresh_first[j] = i;
        }
    }
}

/* New regions inside the place of `old` that come from it, with whatever permissions. */
static void pieces_of(struct work *w, const struct region *old, size_t index, struct region_list *parts)
{
    for (size_t j = 0; j < w->fresh->count; j++) {
        struct region *now = w->fresh->items[j];
        bool other = w->fresh_links[j] && w->fresh_first[j] != index;
        if (overlap(old, now) && same_backing(old, now) && !other)
            region_list_add(parts, region_keep(now));
    }
}

static int64_t size_of(const struct region_list *list)
{
    int64_t size = 0;
    for (size_t i = 0; i < list->count; i++)
        size += (int64_t)region_size(list->items[i]);
    return size;
}

static void split(struct work *w, size_t index, struct region_list *parts)
{
    struct region *old = w->gone->items[index];
    struct change *c = add(w->out, CHANGE_SPLIT, old, parts->items[0]);
    c->delta = size_of(parts) - (int64_t)region_size(old);
    c->parts = *parts;
}

/* Old regions in the place of new region `index` that went into it, with whatever permissions: a change of
 * permissions can make neighbours equal. Not those that live on in another new region. */
static void sources_of(struct work *w, size_t index, struct region_list *parts)
{
    const struct region *now = w->fresh->items[index];
    for (size_t i = 0; i < w->gone->count; i++) {
        struct region *old = w->gone->items[i];
        bool elsewhere = w->gone_links[i] && w->gone_first[i] != index;
        if (overlap(old, now) && same_backing(old, now) && !elsewhere)
            region_list_add(parts, region_keep(old));
    }
}

/* Whether new region `index` was several. */
static bool merged(struct work *w, size_t index)
{
    struct region *now = w->fresh->items[index];
    struct region_list parts = {0};
    sources_of(w, index, &parts);
    if (parts.count < 2) {
        region_list_free(&parts);
        return false;
    }
    struct change *c = add(w->out, CHANGE_MERGED, parts.items[0], now);
    c->delta = (int64_t)region_size(now) - size_of(&parts);
    c->parts = parts;
    w->fresh_merged[index] = true;
    return true;
}

/* The same pages, other permissions. `before` is cut to the place of `now`. */
static void protection(struct work *w, struct region *old, struct region *now)
{
    struct pmt_region raw = old->raw;
    if (raw.start < now->raw.start) {
        raw.offset += raw.inode ? now->raw.start - raw.start : 0;
        raw.start = now->raw.start;
    }
    if (raw.end > now->raw.end)
        raw.end = now->raw.end;
    struct region *before = region_new(&raw, old->path);
    before->kind = old->kind;
    before->tracer = old->tracer;
    add(w->out, CHANGE_PROTECTION, before, now)->delta = 0;
    region_drop(before);
}

/* A region that has nothing before it with the same permissions: either old pages with other permissions,
 * or new. Part of it may be each; then the new part shows as a grown neighbour or as added. */
static void appeared(struct work *w, struct region *now)
{
    for (size_t i = 0; i < w->gone->count; i++)
        if (overlap(w->gone->items[i], now) && same_backing(w->gone->items[i], now))
            return protection(w, w->gone->items[i], now);
    add(w->out, CHANGE_ADDED, NULL, now);
}

static bool still_there(struct work *w, const struct region *old)
{
    for (size_t j = 0; j < w->fresh->count; j++)
        if (overlap(old, w->fresh->items[j]) && same_backing(old, w->fresh->items[j]))
            return true;
    return false;
}

static void was(struct work *w, size_t index)
{
    struct region *old = w->gone->items[index];
    struct region_list parts = {0};
    pieces_of(w, old, index, &parts);
    if (!w->gone_links[index]) {
        if (!still_there(w, old))
            add(w->out, CHANGE_REMOVED, old, NULL);
    } else if (parts.count > 1) {
        split(w, index, &parts);
        return; /* the parts are the change's now */
    } else if (!w->fresh_merged[w->gone_first[index]]) {
        struct region *now = w->fresh->items[w->gone_first[index]];
        add(w->out, region_size(now) > region_size(old) ? CHANGE_GROWN : CHANGE_SHRUNK, old, now);
    }
    region_list_free(&parts);
}

static bool moved(struct change_list *out, const struct region_list *gone, const struct region_list *fresh,
                  uint64_t from, uint64_t to)
{
    struct region *before = NULL, *after = NULL;
    for (size_t i = 0; i < gone->count; i++)
        if (gone->items[i]->raw.start == from)
            before = gone->items[i];
    for (size_t i = 0; i < fresh->count; i++)
        if (fresh->items[i]->raw.start == to)
            after = fresh->items[i];
    if (!before || !after || gone->count != 1 || fresh->count != 1)
        return false;
    add(out, CHANGE_MOVED, before, after);
    return true;
}

void changes_find(const struct region_list *gone, const struct region_list *fresh, uint64_t moved_from,
                  uint64_t moved_to, struct change_list *out)
{
    if (moved_from != moved_to && moved(out, gone, fresh, moved_from, moved_to))
        return;
    struct work w = {.gone = gone, .fresh = fresh, .out = out};
    w.gone_links = memory_get(gone->count * sizeof *w.gone_links);
    w.fresh_links = memory_get(fresh->count * sizeof *w.fresh_links);
    w.gone_first = memory_get(gone->count * sizeof *w.gone_first);
    w.fresh_first = memory_get(fresh->count * sizeof *w.fresh_first);
    w.fresh_merged = memory_get(fresh->count * sizeof *w.fresh_merged);
    link_lists(&w);
    for (size_t j = 0; j < fresh->count; j++)
        if (w.fresh_links[j])
            merged(&w, j);
    for (size_t i = 0; i < gone->count; i++)
        was(&w, i);
    for (size_t j = 0; j < fresh->count; j++)
        if (!w.fresh_links[j])
            appeared(&w, fresh->items[j]);
    memory_put(w.fresh_merged);
    memory_put(w.gone_links);
    memory_put(w.fresh_links);
    memory_put(w.gone_first);
    memory_put(w.fresh_first);
}

void changes_extent(const struct change *c, uint64_t *lo, uint64_t *hi)
{
    const struct region *b = c->before, *a = c->after;
    *lo = b ? b->raw.start : a->raw.start;
    *hi = b ? b->raw.end : a->raw.end;
    if (c->type == CHANGE_GROWN || c->type == CHANGE_SHRUNK) {
        /* only the end that moved; where both did, the whole */
        if (a->raw.start == b->raw.start) {
            *lo = a->raw.end < b->raw.end ? a->raw.end : b->raw.end;
            *hi = a->raw.end < b->raw.end ? b->raw.end : a->raw.end;
        } else if (a->raw.end == b->raw.end) {
            *lo = a->raw.start < b->raw.start ? a->raw.start : b->raw.start;
            *hi = a->raw.start < b->raw.start ? b->raw.start : a->raw.start;
        }
    } else if (c->type == CHANGE_MERGED) {
        *lo = a->raw.start;
        *hi = a->raw.end;
    }
}
