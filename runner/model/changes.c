#include "runner/model/changes.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/translate.h"
#include <string.h>

const char *change_name(enum change_type type)
{
    static const char *const names[] = {
        [CHANGE_ADDED] = N_("added"), [CHANGE_REMOVED] = N_("removed"),
        [CHANGE_GROWN] = N_("grown"), [CHANGE_SHRUNK] = N_("shrunk"),
        [CHANGE_MOVED] = N_("moved"), [CHANGE_PROTECTION] = N_("protection"),
        [CHANGE_SPLIT] = N_("split"), [CHANGE_MERGED] = N_("merged"),
    };
    return names[type];
}

static void clear(struct change *change)
{
    region_drop(change->before);
    region_drop(change->after);
    region_list_free(&change->parts);
}

void change_list_take(struct change_list *list, struct change *change)
{
    *array_add(list->items, list->count, list->room) = *change;
    memset(change, 0, sizeof *change);
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
    struct change *c = array_add(list->items, list->count, list->room);
    memset(c, 0, sizeof *c);
    c->type = type;
    c->before = region_keep(before);
    c->after = region_keep(after);
    c->delta = (int64_t)((after ? region_size(after) : 0) - (before ? region_size(before) : 0));
    return c;
}

static bool overlap(const struct region *a, const struct region *b)
{
    return a->raw.start < b->raw.end && b->raw.start < a->raw.end;
}

/* `b` is what `a` has become, at least in part. */
static bool continues(const struct region *a, const struct region *b)
{
    return overlap(a, b) && a->raw.perms == b->raw.perms && region_same_memory(a, b);
}

#define NOWHERE ((size_t)-1)

/* Every old region is told in one change, and every new one: only so do the changes add up. A
 * change has one old region with all that it became, or one new region with all that it was made
 * of. */
struct told {
    size_t with; /* an old region: the new one that it was merged into; a new one: the old one that
                  * it is told as having come from; or NOWHERE */
    unsigned links;  /* on the other side: regions that continue it, or that it continues */
    unsigned pieces; /* old: how many new regions are told as having come from it */
    unsigned merged; /* new: how many old regions are told as merged into it; 0 or several */
};

struct work {
    const struct region_list *gone, *fresh;
    struct told *old, *now; /* one for each of them */
    struct change_list *out;
};

/* Both lists are ascending: the first of `list` that ends above `address`. */
static size_t first_above(const struct region_list *list, uint64_t address)
{
    struct regions map = {*list};
    return regions_index(&map, address);
}

#define FOR_EACH_OVER(k, list, region)                                                             \
    for (size_t k = first_above(list, (region)->raw.start);                                        \
         k < (list)->count && (list)->items[k]->raw.start < (region)->raw.end; k++)

static void count_links(struct work *w)
{
    for (size_t i = 0; i < w->gone->count; i++)
        FOR_EACH_OVER (j, w->fresh, w->gone->items[i])
            if (continues(w->gone->items[i], w->fresh->items[j])) {
                w->old[i].links++;
                w->now[j].links++;
            }
}

static bool is_told(const struct work *w, size_t old)
{
    return w->old[old].with != NOWHERE || w->old[old].pieces;
}

static bool is_new_told(const struct work *w, size_t now)
{
    return w->now[now].with != NOWHERE || w->now[now].merged;
}

static void piece(struct work *w, size_t old, size_t now)
{
    w->now[now].with = old;
    w->old[old].pieces++;
}

static void take_piece(struct work *w, size_t now)
{
    w->old[w->now[now].with].pieces--;
    w->now[now].with = NOWHERE;
}

/* What a new region has come from until now is one of several from here on. */
static void merge(struct work *w, size_t old, size_t now)
{
    size_t from = w->now[now].with;
    w->old[old].with = now;
    w->now[now].merged++;
    if (from == NOWHERE)
        return;
    take_piece(w, now);
    merge(w, from, now);
}

/* An old region is merged into its new one no more; where only one is left, it has become that. */
static void take_merged(struct work *w, size_t old)
{
    size_t now = w->old[old].with;
    w->old[old].with = NOWHERE;
    if (--w->now[now].merged > 1)
        return;
    w->now[now].merged = 0;
    FOR_EACH_OVER (i, w->gone, w->fresh->items[now])
        if (w->old[i].with == now) {
            w->old[i].with = NOWHERE;
            return piece(w, i, now);
        }
}

/* Tells the one that is not told yet with the other. If that is one of several, and these are not
 * of one kind, it leaves them: there are enough without it. */
static void join(struct work *w, size_t old, size_t now)
{
    size_t from = w->now[now].with;
    if (!is_new_told(w, now)) {
        if (w->old[old].with != NOWHERE)
            take_merged(w, old);
        return piece(w, old, now);
    }
    if (is_told(w, old))
        return;
    if (from == NOWHERE || w->old[from].pieces == 1)
        return merge(w, old, now);
    take_piece(w, now);
    piece(w, old, now);
}

/* Pages that kept their permissions. */
static void place_kept(struct work *w, size_t old)
{
    FOR_EACH_OVER (j, w->fresh, w->gone->items[old])
        if (continues(w->gone->items[old], w->fresh->items[j]))
            join(w, old, j);
}

/* Pages that got other permissions, from old regions of which nothing else is left, else from the
 * first that lives on. */
static void place_changed(struct work *w, size_t now)
{
    const struct region *r = w->fresh->items[now];
    size_t count = 0, living = NOWHERE;
    FOR_EACH_OVER (i, w->gone, r) {
        if (!region_same_memory(w->gone->items[i], r))
            continue;
        if (!w->old[i].links && !is_told(w, i)) {
            join(w, i, now);
            count++;
        } else if (living == NOWHERE) {
            living = i;
        }
    }
    if (!count && living != NOWHERE)
        join(w, living, now);
}

/* An old region of which nothing is left but pages with other permissions in a neighbour. */
static void place_rest(struct work *w, size_t old)
{
    const struct region *r = w->gone->items[old];
    FOR_EACH_OVER (j, w->fresh, r)
        if (region_same_memory(r, w->fresh->items[j]) && !is_told(w, old))
            join(w, old, j);
}

static void place_all(struct work *w)
{
    for (size_t i = 0; i < w->gone->count; i++)
        w->old[i].with = NOWHERE;
    for (size_t j = 0; j < w->fresh->count; j++)
        w->now[j].with = NOWHERE;
    count_links(w);
    for (size_t i = 0; i < w->gone->count; i++)
        place_kept(w, i);
    for (size_t j = 0; j < w->fresh->count; j++)
        if (!w->now[j].links)
            place_changed(w, j);
    for (size_t i = 0; i < w->gone->count; i++)
        if (!is_told(w, i))
            place_rest(w, i);
}

/* One part of a split region has other permissions: the same pages before, cut out of the old
 * region. */
static void part_changed(struct work *w, const struct region *old, struct region *now)
{
    struct region *before = region_part(old, now->raw.start, now->raw.end);
    add(w->out, CHANGE_PROTECTION, before, now)->delta = 0;
    region_drop(before);
}

/* The regions of `list` that are told as `whole`, the one at `index` of the other list: their
 * size. */
static int64_t collect_parts(const struct region_list *list, const struct told *told,
                             const struct region *whole, size_t index, struct region_list *parts)
{
    int64_t size = 0;
    FOR_EACH_OVER (i, list, whole)
        if (told[i].with == index) {
            region_list_add(parts, region_keep(list->items[i]));
            size += (int64_t)region_size(list->items[i]);
        }
    return size;
}

static void tell_split(struct work *w, size_t index)
{
    struct region *old = w->gone->items[index];
    struct region_list parts = {0};
    int64_t size = collect_parts(w->fresh, w->now, old, index, &parts);
    if (!parts.count)
        return (void)add(w->out, CHANGE_REMOVED, old, NULL);
    struct change *c = add(w->out, CHANGE_SPLIT, old, parts.items[0]);
    c->delta = size - (int64_t)region_size(old);
    c->parts = parts;
    for (size_t i = 0; i < parts.count; i++)
        if (parts.items[i]->raw.perms != old->raw.perms)
            part_changed(w, old, parts.items[i]);
}

static void tell_one(struct work *w, size_t index)
{
    struct region *old = w->gone->items[index], *now = NULL;
    FOR_EACH_OVER (j, w->fresh, old)
        if (w->now[j].with == index)
            now = w->fresh->items[j];
    if (!now)
        add(w->out, CHANGE_REMOVED, old, NULL);
    else if (old->raw.perms != now->raw.perms)
        add(w->out, CHANGE_PROTECTION, old, now);
    else if (region_size(now) == region_size(old))
        add(w->out, CHANGE_MOVED, old, now);
    else
        add(w->out, region_size(now) > region_size(old) ? CHANGE_GROWN : CHANGE_SHRUNK, old, now);
}

static void tell_merged(struct work *w, size_t index)
{
    struct region *now = w->fresh->items[index];
    struct region_list parts = {0};
    int64_t size = collect_parts(w->gone, w->old, now, index, &parts);
    if (!parts.count)
        return (void)add(w->out, CHANGE_ADDED, NULL, now);
    struct change *c = add(w->out, CHANGE_MERGED, parts.items[0], now);
    c->delta = (int64_t)region_size(now) - size;
    c->parts = parts;
}

static void tell_all(struct work *w)
{
    for (size_t i = 0; i < w->gone->count; i++) {
        if (w->old[i].pieces > 1)
            tell_split(w, i);
        else if (w->old[i].pieces)
            tell_one(w, i);
        else if (w->old[i].with == NOWHERE)
            add(w->out, CHANGE_REMOVED, w->gone->items[i], NULL);
    }
    for (size_t j = 0; j < w->fresh->count; j++) {
        if (w->now[j].merged)
            tell_merged(w, j);
        else if (w->now[j].with == NOWHERE)
            add(w->out, CHANGE_ADDED, NULL, w->fresh->items[j]);
    }
}

static bool moved(struct change_list *out, const struct region_list *gone,
                  const struct region_list *fresh, uint64_t from, uint64_t to)
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

void changes_find(const struct region_list *gone, const struct region_list *fresh,
                  uint64_t moved_from, uint64_t moved_to, struct change_list *out)
{
    if (moved_from != moved_to && moved(out, gone, fresh, moved_from, moved_to))
        return;
    struct work w = {.gone = gone, .fresh = fresh, .out = out};
    w.old = memory_get(gone->count * sizeof *w.old);
    w.now = memory_get(fresh->count * sizeof *w.now);
    place_all(&w);
    tell_all(&w);
    memory_put(w.old);
    memory_put(w.now);
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
