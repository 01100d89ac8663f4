#include "runner/model/looks.h"
#include "runner/model/classify.h"
#include "runner/model/deliver.h"
#include "runner/model/reach.h"
#include "runner/model/waiting.h"
#include <string.h>
#include <sys/mman.h>

static const struct region *covering(const struct region_list *list, const struct region *r)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->raw.start < r->raw.end && r->raw.start < list->items[i]->raw.end)
            return list->items[i];
    return NULL;
}

/* What a new region was before: the region in its place, or what mremap(2) moved there. */
static const struct region *origin(const struct model *m, const struct region *r,
                                   const struct cause *cause)
{
    const struct region *before = covering(&m->image->look.gone, r);
    if (before || cause->kernel != PMT_CALL_MREMAP)
        return before;
    struct pmt_region from = {.start = cause->args[0], .end = cause->args[0] + 1};
    before = covering(&m->image->look.gone, &(struct region){.raw = from});
    return before ? before : regions_find(&m->image->map, cause->args[0]);
}

/* A region that a child has from its parent. */
static const struct region *parents(const struct image *image, const struct region *r)
{
    const struct region *had = regions_find(&image->inherited, r->raw.start);
    bool same = had && had->raw.perms == r->raw.perms && had->raw.inode == r->raw.inode &&
                strcmp(had->path, r->path) == 0;
    return same ? had : NULL;
}

/* What is inherited stays what it was; of the threads there is only the one that forked. */
static bool describe_inherited(struct model *m, struct region *r)
{
    const struct region *had = parents(m->image, r);
    if (!had)
        return false;
    r->tracer = had->tracer || tracer_owns(&m->image->tracer, r, PMT_REASON_START);
    r->kind = r->tracer ? KIND_TRACER : had->kind;
    r->grows = had->grows;
    r->tid = had->tid && had->tid == m->image->forker ? m->image->pid : 0;
    return true;
}

/* A thread was told of before its stack was. */
static void find_owner(const struct thread_notes *threads, struct region *r)
{
    for (size_t i = 0; i < threads->count; i++) {
        struct thread_note *t = &threads->items[i];
        if (t->stack < r->raw.start || t->stack >= r->raw.end)
            continue;
        if (r->kind == KIND_ANONYMOUS)
            r->kind = KIND_THREAD_STACK;
        if (r->kind == KIND_THREAD_STACK)
            r->tid = t->tid;
        t->stack = 0;
    }
}

/* The kernel tells which regions grow by nothing but the name of the first one. */
static bool grows(const struct region *r, const struct cause *cause, const struct region *before)
{
    bool mapped = cause_maps(cause) && !cause_failed(cause) &&
                  r->raw.start >= (uint64_t)cause->result &&
                  r->raw.start - (uint64_t)cause->result < cause->args[1];
    if (mapped)
        return cause->args[3] & MAP_GROWSDOWN;
    return strcmp(r->path, "[stack]") == 0 ||
           (before && before->grows && region_same_memory(before, r));
}

/* A stack that has grown, and was divided since: what is new of it is what lies above. */
static void describe_grown(const struct region_list *fresh, size_t first)
{
    for (size_t i = fresh->count; i-- > first + 1;) {
        const struct region *above = fresh->items[i];
        struct region *r = fresh->items[i - 1];
        if (!above->grows || r->grows || r->kind != KIND_ANONYMOUS ||
            r->raw.end != above->raw.start || !region_same_memory(r, above))
            continue;
        r->kind = above->kind;
        r->grows = true;
    }
}

/* Gives the new regions, from index `i` on, their kind and owner. What was the program's stays
 * so. */
static void describe(struct model *m, const struct cause *cause, enum pmt_reason reason, size_t i)
{
    const struct region_list *fresh = &m->image->look.fresh;
    const size_t first = i;
    if (reason == PMT_REASON_START)
        tracer_start(&m->image->tracer, &m->image->map);
    for (; i < fresh->count; i++) {
        struct region *r = fresh->items[i];
        if (reason == PMT_REASON_START && describe_inherited(m, r))
            continue;
        const struct region *before = origin(m, r, cause);
        r->tracer =
            before && !tracer_names(r) ? before->tracer : tracer_owns(&m->image->tracer, r, reason);
        if (reason == PMT_REASON_TRACER && r->tracer)
            tracer_add(&m->image->tracer, r);
        r->kind = classify(m->image, r, reason == PMT_REASON_START ? NULL : cause, before);
        if (before && before->kind == r->kind)
            r->tid = before->tid;
        r->grows = grows(r, cause, before);
        if (!r->tracer)
            find_owner(&m->image->threads, r);
    }
    if (!cause_maps(cause))
        describe_grown(fresh, first);
}

/* A look after a call shows all that has happened since the last one: what an allocator does not do
 * was somebody else. */
static bool is_plausible(const struct change *change)
{
    const struct region *r = change_region(change);
    return !call_allocates(change->cause.code) || r->kind == KIND_HEAP ||
           r->kind == KIND_MALLOC_MMAP || r->kind == KIND_MALLOC_ARENA;
}

static void set_origin(const struct model *m, struct change *change)
{
    const struct look *look = &m->image->look;
    change->cause = look->cause;
    change->t_ns = look->t_ns;
    change->tid = look->tid;
    change->tracer = change_region(change)->tracer;
    change->thresholds = m->image->thresholds;
}

/* It was not the cause of the look. */
static void others_made(struct change *change)
{
    const struct region *before = change->before, *after = change->after;
    if (change->type == CHANGE_GROWN && after->grows && after->raw.start < before->raw.start &&
        after->raw.end == before->raw.end)
        cause_page_fault(&change->cause);
    else
        cause_forget(&change->cause);
}

static void take_change(struct model *m, struct change *change)
{
    const struct look *look = &m->image->look;
    struct thread_note *thread = thread_notes_get(&m->image->threads, look->tid);
    set_origin(m, change);
    if (look->others)
        others_made(change);
    else if (look->cause.kind == CAUSE_CALL && !is_plausible(change))
        cause_forget(&change->cause);
    if (change->type == CHANGE_ADDED && tracer_names(change->after))
        cause_tracer(&change->cause);
    waiting_make_way(m, change, thread);
    if (change->cause.code == PMT_CALL_FREE) {
        const struct freed *freed = thread_notes_freed(&m->image->threads, thread);
        change->cause.seq = freed->seq;
        change->cause.stack_id = freed->stack_id;
        change->cause.addr = freed->addr;
        change->cause.chunk = freed->chunk;
    }
    waiting_add(m, thread, change);
}

static void take_library(struct model *m, size_t first)
{
    struct change_list *found = &m->image->look.found;
    struct library library = library_collect(found, first);
    deliver_library(m, &library);
    for (size_t i = first; i < found->count; i++)
        if (found->items[i].library == library.path)
            take_change(m, &found->items[i]);
    region_list_free(&library.regions);
}

/* The dynamic loader's changes: those of one library together. */
static void take_loaders_changes(struct model *m)
{
    struct change_list *found = &m->image->look.found;
    for (size_t i = 0; i < found->count; i++)
        set_origin(m, &found->items[i]);
    for (size_t i = 0; i < found->count; i++) {
        struct change *change = &found->items[i];
        if (change->library)
            continue; /* told with an earlier one of its library */
        if (library_has(change))
            take_library(m, i);
        else
            take_change(m, change);
    }
}

/* What made `now` of the regions in `map`. */
static void take_step(struct model *m, struct regions *map, struct region_list *now)
{
    struct look *look = &m->image->look;
    const struct cause *cause = &look->cause;
    struct region_list gone = {0}, fresh = {0};
    bool is_move = !look->others && cause->kernel == PMT_CALL_MREMAP && cause->result > 0;
    regions_replace(map, 0, UINT64_MAX, now, &gone, &fresh);
    changes_find(&gone, &fresh, is_move ? cause->args[0] : 0, is_move ? (uint64_t)cause->result : 0,
                 &look->found);
    /* one munmap takes all of a library away; when one comes loading.c knows */
    bool libraries =
        cause->kind == CAUSE_LOADER || (cause->by_loader && cause->kernel == PMT_CALL_MUNMAP);
    if (libraries && !look->others)
        take_loaders_changes(m);
    else
        for (size_t i = 0; i < look->found.count; i++)
            take_change(m, &look->found.items[i]);
    change_list_clear(&look->found);
    region_list_free(&gone);
    region_list_free(&fresh);
}

/* The tracer's memory may have grown in another thread between the call and the look, where the
 * call has just made room. */
static void without_tracers_growth(const struct look *look, struct region_list *out)
{
    for (size_t i = 0; i < look->fresh.count; i++) {
        struct region *r = look->fresh.items[i];
        const struct region *had = covering(&look->gone, r);
        if (!tracer_names(r) || (had && region_same_memory(had, r)))
            region_list_add(out, region_keep(r));
    }
}

/* What others did is told first, as it happened before, or cannot be told apart; but for the
 * tracer. */
static void take_changes(struct model *m)
{
    struct look *look = &m->image->look;
    struct regions map = {0};
    struct region_list now = {0}, made = {0};
    struct reach reach = reach_of(&look->cause, look->hi, m->image->page_size, &look->gone);
    region_list_copy(&map.list, &look->gone);
    without_tracers_growth(look, &made);
    reach_between(&reach, &look->gone, &made, &now);
    look->others = true;
    take_step(m, &map, &now);
    look->others = false;
    region_list_copy(&now, &made);
    take_step(m, &map, &now);
    look->others = true;
    region_list_copy(&now, &look->fresh);
    take_step(m, &map, &now);
    look->others = false;
    region_list_free(&made);
    region_list_free(&now);
    region_list_free(&map.list);
}

void looks_end(struct model *m)
{
    struct look *look = &m->image->look;
    if (!look->open)
        return;
    if (look->reason == PMT_REASON_START)
        region_list_free(&m->image->inherited.list);
    else if (look->gone.count || look->fresh.count)
        take_changes(m);
    region_list_clear(&look->gone);
    region_list_clear(&look->fresh);
    m->image->stack_use.sp = 0;
    look->open = false;
}

static void read_regions(const struct pmt_snapshot *s, struct region_list *now)
{
    const char *at = (const char *)(s + 1) + pmt_align(s->within.name_size);
    for (uint32_t i = 0; i < s->regions; i++) {
        const struct pmt_region *raw = (const void *)at;
        region_list_add(now, region_new(raw, (const char *)(raw + 1)));
        at += sizeof *raw + pmt_align(raw->path_size);
    }
}

/* A window that has nothing else to say about what the look has told already. Only then are `gone`
 * and `fresh` ascending, over all windows, and tell of a region once. */
static bool is_in_order(const struct look *look, const struct region_list *map, size_t at)
{
    for (size_t i = 0;; i++, at++) {
        const struct region *had = at < map->count ? map->items[at] : NULL;
        const struct region *has = i < look->now.count ? look->now.items[i] : NULL;
        bool was_told = had && had->raw.start < look->told;
        if (was_told != (has && has->raw.start < look->told))
            return false;
        if (!was_told || !region_same(had, has))
            return !was_told;
    }
}

static void begin(struct look *look, const struct pmt_snapshot *s)
{
    look->open = true;
    look->told = 0;
    look->reason = s->r.call;
    look->tid = s->r.tid;
}

bool looks_snapshot(struct model *m, const struct event *event)
{
    const struct pmt_snapshot *s = (const struct pmt_snapshot *)event->record;
    struct regions *map = &m->image->map;
    struct look *look = &m->image->look;
    if (look->reason != s->r.call || look->tid != s->r.tid)
        looks_end(m); /* the rest of that one could not be read */
    read_regions(s, &look->now);
    uint64_t lo = s->lo, hi = s->hi;
    region_list_widen(&look->now, &lo, &hi);
    if (look->open && !is_in_order(look, &map->list, regions_index(map, lo))) {
        region_list_clear(&look->now);
        return false;
    }
    if (!look->open)
        begin(look, s);
    look->hi = s->hi;
    look->told = look->told > hi ? look->told : hi;
    look->cause = cause_of_look(s, &m->image->kernel);
    look->t_ns = event->t_ns;
    size_t known = look->fresh.count;
    regions_replace(map, lo, hi, &look->now, &look->gone, &look->fresh);
    describe(m, &look->cause, s->r.call,
             known); /* views show the regions of the snapshot with their kinds */
    deliver_event(m, event);
    if (s->flags & PMT_SNAPSHOT_LAST)
        looks_end(m);
    return true;
}
