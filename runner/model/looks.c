#include "runner/base/memory.h"
#include "runner/model/state.h"
#include <string.h>
#include <sys/mman.h>

static bool is_tracer_file(const struct tracer_files *files, const struct pmt_region *raw)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct tracer_file *f = &files->items[i];
        if (raw->inode && f->inode == raw->inode && f->dev_major == raw->dev_major &&
            f->dev_minor == raw->dev_minor)
            return true;
    }
    return false;
}

void tracer_files_add(struct tracer_files *files, const struct pmt_region *raw)
{
    if (!raw->inode || is_tracer_file(files, raw))
        return;
    if (files->count == files->room) {
        files->room = files->room ? files->room * 2 : 8;
        files->items = memory_resize(files->items, files->room * sizeof *files->items);
    }
    files->items[files->count++] = (struct tracer_file){raw->inode, raw->dev_major, raw->dev_minor};
}

/* The shim's .bss: private memory right behind its writable data. */
static bool is_tracer_bss(const struct model *m, const struct region *r)
{
    size_t at = regions_index(&m->image->map, r->raw.start);
    const struct region *below = at > 0 ? m->image->map.list.items[at - 1] : NULL;
    return r->path[0] == '\0' && below && below->tracer && below->path[0] == '/' &&
           below->raw.end == r->raw.start && below->raw.perms == r->raw.perms &&
           strncmp(below->path, "/memfd:", 7) != 0;
}

/* The shim itself and its output, at the first look: the files that are mapped where the process
 * event says. */
static void find_tracer_files(struct model *m)
{
    for (int i = 0; i < 3; i++) {
        const struct region *r = regions_find(&m->image->map, m->image->tracer[i]);
        if (r && m->image->tracer[i])
            tracer_files_add(&m->image->state->tracer_files, &r->raw);
    }
}

/* Memory that is procmap-trace's own: by name, by what the process event said, or because it came
 * with the tracer's libraries. */
static bool is_tracer(const struct model *m, const struct region *r, enum pmt_reason reason)
{
    static const char memfd[] = "/memfd:" PMT_MEMFD_NAME;
    for (int i = 0; i < 3; i++)
        if (r->raw.start <= m->image->tracer[i] && m->image->tracer[i] < r->raw.end)
            return true;
    return reason == PMT_REASON_TRACER || strncmp(r->path, memfd, sizeof memfd - 1) == 0 ||
           is_tracer_file(&m->image->state->tracer_files, &r->raw) || is_tracer_bss(m, r);
}

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
    const struct region *before = covering(&m->image->state->gone, r);
    if (before || cause->kernel != PMT_CALL_MREMAP)
        return before;
    struct pmt_region from = {.start = cause->args[0], .end = cause->args[0] + 1};
    before = covering(&m->image->state->gone, &(struct region){.raw = from});
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
    r->tracer = had->tracer || is_tracer(m, r, PMT_REASON_START);
    r->kind = r->tracer ? KIND_TRACER : had->kind;
    r->tid = had->tid && had->tid == m->image->state->forker ? m->image->pid : 0;
    return true;
}

/* A thread was told of before its stack was. */
static void find_owner(struct image_state *s, struct region *r)
{
    for (size_t i = 0; i < s->thread_count; i++) {
        struct thread *t = &s->threads[i];
        if (t->stack < r->raw.start || t->stack >= r->raw.end)
            continue;
        if (r->kind == KIND_ANONYMOUS)
            r->kind = KIND_THREAD_STACK;
        if (r->kind == KIND_THREAD_STACK)
            r->tid = t->tid;
        t->stack = 0;
    }
}

/* Gives the new regions, from index `i` on, their kind and owner. What was the program's stays
 * so. */
static void describe(struct model *m, const struct cause *cause, enum pmt_reason reason, size_t i)
{
    struct image_state *s = m->image->state;
    if (reason == PMT_REASON_START)
        find_tracer_files(m);
    for (; i < s->fresh.count; i++) {
        struct region *r = s->fresh.items[i];
        if (reason == PMT_REASON_START && describe_inherited(m, r))
            continue;
        const struct region *before = origin(m, r, cause);
        r->tracer = before ? before->tracer : is_tracer(m, r, reason);
        if (reason == PMT_REASON_TRACER && r->tracer)
            tracer_files_add(&s->tracer_files, &r->raw);
        r->kind = kind_of(m->image, r, reason == PMT_REASON_START ? NULL : cause, before);
        if (before && before->kind == r->kind)
            r->tid = before->tid;
        if (!r->tracer)
            find_owner(s, r);
    }
}

/* The place that the system call named is the window without the page on each side that shows
 * neighbours; a change elsewhere is not its doing. */
static bool is_explained(const struct model *m, const struct change *change)
{
    uint64_t lo, hi, page = m->image->page_size;
    changes_extent(change, &lo, &hi);
    return lo < m->image->state->look_hi - page &&
           hi > m->image->state->look_lo + (m->image->state->look_lo ? page : 0);
}

/* A look after a call shows all that has happened since the last one: what an allocator does not do
 * was somebody else. */
static bool is_plausible(const struct change *change)
{
    const struct region *r = change->after ? change->after : change->before;
    unsigned call = change->cause.code;
    return !call_allocates(call) || r->kind == KIND_HEAP || r->kind == KIND_MALLOC_MMAP ||
           r->kind == KIND_MALLOC_ARENA;
}

static bool must_wait(const struct cause *cause)
{
    bool of_call = cause->kind == CAUSE_KERNEL || cause->kind == CAUSE_CALL;
    return of_call && call_allocates(cause->code) && cause->code != PMT_CALL_FREE;
}

static void set_origin(struct change *change, const struct cause *cause, const struct event *event)
{
    const struct region *r = change->after ? change->after : change->before;
    change->cause = *cause;
    change->t_ns = event->t_ns;
    change->tid = event->record->tid;
    change->tracer = r->tracer;
}

static bool touch(const struct change *a, const struct change *b)
{
    const struct region *list[2][2] = {{a->before, a->after}, {b->before, b->after}};
    for (int i = 0; i < 4; i++) {
        const struct region *x = list[0][i & 1], *y = list[1][i >> 1];
        if (x && y && x->raw.start <= y->raw.end && y->raw.start <= x->raw.end)
            return true;
    }
    return false;
}

/* Changes are told in an order in which each can be applied to the map: what another thread's call
 * has done to the same regions before cannot wait for that call any longer. */
static void deliver_before(struct model *m, const struct change *change, const struct thread *own)
{
    struct image_state *s = m->image->state;
    for (size_t i = 0; s->waiting && i < s->thread_count; i++) {
        struct thread *t = &s->threads[i];
        bool touches = false;
        for (size_t k = 0; k < t->waiting.count; k++)
            touches |= touch(change, &t->waiting.items[k]);
        if (touches && (t != own || !must_wait(&change->cause)))
            model_deliver_early(m, t);
    }
}

static void take_change(struct model *m, struct change *change, const struct cause *cause,
                        const struct event *event)
{
    struct thread *t = model_thread(m->image, event->record->tid);
    set_origin(change, cause, event);
    deliver_before(m, change, t);
    if ((cause->kind == CAUSE_KERNEL && !is_explained(m, change)) ||
        (cause->kind == CAUSE_CALL && !is_plausible(change)))
        cause_forget(&change->cause);
    if (change->cause.code == PMT_CALL_FREE) {
        const struct freed *freed = model_last_freed(m->image, t);
        change->cause.seq = freed->seq;
        change->cause.addr = freed->addr;
    }
    if (!must_wait(&change->cause))
        return model_deliver(m, change);
    struct change_list *list = &t->waiting;
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 4;
        list->items = memory_resize(list->items, list->room * sizeof *list->items);
    }
    list->items[list->count++] = *change;
    memset(change, 0, sizeof *change); /* the regions are the list's now */
    m->image->state->waiting++;
}

/* ---- libraries ---- */

static const struct region *region_of(const struct change *change)
{
    return change->after ? change->after : change->before;
}

static bool is_whole(const struct change *change)
{
    return (change->type == CHANGE_ADDED || change->type == CHANGE_REMOVED) && !change->tracer;
}

static bool is_of_library(const struct change *change)
{
    const struct region *r = region_of(change);
    return is_whole(change) && r->path[0] == '/' && r->kind >= KIND_LIB_CODE &&
           r->kind <= KIND_LIB_DATA;
}

/* The .bss right behind the data of the library. */
static bool is_bss_of(const struct change *change, const struct library *library)
{
    const struct region *r = region_of(change);
    const struct region *last = library->regions.items[library->regions.count - 1];
    return is_whole(change) && r->kind == KIND_LIB_BSS && last->raw.end == r->raw.start;
}

/* Collects, from index `first` on, what came or went with the library there. */
static void collect_library(struct change_list *found, size_t first, struct library *library)
{
    const struct change *change = &found->items[first];
    *library = (struct library){
        .path = region_of(change)->path, .loaded = change->type == CHANGE_ADDED, .change = change};
    for (size_t i = first; i < found->count; i++) {
        struct change *c = &found->items[i];
        if (c->library || c->type != change->type)
            continue;
        bool of_file = is_of_library(c) && strcmp(region_of(c)->path, library->path) == 0;
        if (!of_file && (!library->regions.count || !is_bss_of(c, library)))
            continue;
        c->library = library->path;
        region_list_add(&library->regions, region_keep((struct region *)region_of(c)));
    }
}

const char *library_name(const struct library *library)
{
    return strrchr(library->path, '/') + 1;
}

uint64_t library_size(const struct library *library)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < library->regions.count; i++)
        bytes += region_size(library->regions.items[i]);
    return bytes;
}

static void take_library(struct model *m, size_t first, const struct cause *cause,
                         const struct event *event)
{
    struct change_list *found = &m->image->state->found;
    struct library library;
    collect_library(found, first, &library);
    model_show_library(m, &library);
    for (size_t i = first; i < found->count; i++)
        if (found->items[i].library == library.path)
            take_change(m, &found->items[i], cause, event);
    region_list_free(&library.regions);
}

/* The dynamic loader's changes: those of one library together. */
static void take_loaders_changes(struct model *m, const struct cause *cause,
                                 const struct event *event)
{
    struct change_list *found = &m->image->state->found;
    for (size_t i = 0; i < found->count; i++)
        set_origin(&found->items[i], cause, event);
    for (size_t i = 0; i < found->count; i++) {
        struct change *change = &found->items[i];
        if (change->library)
            continue; /* told with an earlier one of its library */
        if (is_of_library(change))
            take_library(m, i, cause, event);
        else
            take_change(m, change, cause, event);
    }
}

static void finish_look(struct model *m, const struct event *event, const struct cause *cause)
{
    struct image_state *state = m->image->state;
    bool is_move = cause->kernel == PMT_CALL_MREMAP && cause->result > 0;
    if (event->record->call != PMT_REASON_START)
        changes_find(&state->gone, &state->fresh, is_move ? cause->args[0] : 0,
                     is_move ? (uint64_t)cause->result : 0, &state->found);
    if (cause->kind == CAUSE_LOADER)
        take_loaders_changes(m, cause, event);
    for (size_t i = 0; i < state->found.count && cause->kind != CAUSE_LOADER; i++)
        take_change(m, &state->found.items[i], cause, event);
    if (event->record->call == PMT_REASON_START)
        region_list_free(&m->image->inherited.list);
    change_list_clear(&state->found);
    region_list_clear(&state->gone);
    region_list_clear(&state->fresh);
    state->look_open = false;
}

void looks_snapshot(struct model *m, const struct event *event)
{
    const struct pmt_snapshot *s = (const struct pmt_snapshot *)event->record;
    struct image_state *state = m->image->state;
    const char *at = (const char *)(s + 1) + pmt_align(s->within.name_size);
    for (uint32_t i = 0; i < s->regions; i++) {
        const struct pmt_region *raw = (const void *)at;
        region_list_add(&state->now, region_new(raw, (const char *)(raw + 1)));
        at += sizeof *raw + pmt_align(raw->path_size);
    }
    if (!state->look_open)
        state->look_lo = s->lo;
    state->look_hi = s->hi;
    state->look_open = true;
    size_t known = state->fresh.count;
    struct cause cause = cause_of_look(s, &state->kernel);
    regions_replace(&m->image->map, s->lo, s->hi, &state->now, &state->gone, &state->fresh);
    describe(m, &cause, s->r.call,
             known); /* views show the regions of the snapshot with their kinds */
    model_show(m, event, 0);
    if (s->flags & PMT_SNAPSHOT_LAST)
        finish_look(m, event, &cause);
}
