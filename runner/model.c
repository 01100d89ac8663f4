#include "model.h"
#include "changes.h"
#include "memory.h"
#include "shim/encode.h"
#include <string.h>
#include <sys/mman.h>

/* A thread of the program: what has to wait for the record of the call that it is in, because the
 * result of an allocator call is known only after the changes that it made. */
struct thread {
    uint32_t tid;
    struct change_list waiting;
};

/* The last call of free(3) of a thread: its record comes before the changes that it makes. */
struct freed {
    uint32_t tid;
    uint64_t addr, seq;
};
#define FREED_PLACES                                                                               \
    64u /* by tid; where two threads meet in one, the earlier call is forgotten                    \
         */

/* A tracer's file in the map: libraries that only procmap-trace has loaded. */
struct tracer_file {
    uint64_t inode;
    uint32_t dev_major, dev_minor;
};

struct model_state {
    struct thread *threads;
    size_t thread_count, thread_room;
    size_t waiting; /* changes that wait, over all threads */
    /* the look at the map that is being collected, window by window */
    struct region_list gone, fresh, now;
    uint64_t look_lo, look_hi; /* what the first window and the last span */
    bool look_open;
    struct change_list found;
    struct pmt_kernel kernel; /* the last system call ... */
    char kernel_name[256];    /* ... and the name behind it */
    uint64_t kernel_seq;
    struct freed freed[FREED_PLACES];
    bool have_kernel;
    struct tracer_file *tracer_files;
    size_t tracer_count, tracer_room;
};

void model_init(struct model *m, struct symbols *symbols)
{
    memset(m, 0, sizeof *m);
    allocations_init(&m->allocations);
    stacks_init(&m->stacks, symbols);
    m->state = memory_get(sizeof *m->state);
}

void model_add_view(struct model *m, struct view *view)
{
    m->views[m->view_count++] = view;
}

static struct thread *thread_of(struct model *m, uint32_t tid)
{
    struct model_state *s = m->state;
    for (size_t i = s->thread_count; i-- > 0;)
        if (s->threads[i].tid == tid)
            return &s->threads[i];
    if (s->thread_count == s->thread_room) {
        s->thread_room = s->thread_room ? s->thread_room * 2 : 8;
        s->threads = memory_resize(s->threads, s->thread_room * sizeof *s->threads);
    }
    struct thread *t = &s->threads[s->thread_count++];
    memset(t, 0, sizeof *t);
    t->tid = tid;
    return t;
}

static void deliver(struct model *m, const struct change *change)
{
    m->seq++;
    if (!change->tracer) {
        m->ledger.changes++;
        if (strcmp(change->cause.call, "unattributed") == 0)
            m->ledger.unexplained++;
        else
            m->ledger.explained++;
    }
    for (unsigned i = 0; i < m->view_count; i++)
        m->views[i]->change(m->views[i], m, change, m->seq);
}

static void show_call(struct model *m, const struct event *event, unsigned changes)
{
    m->seq++;
    for (unsigned i = 0; i < m->view_count; i++)
        if (changes || !m->views[i]->skips_calls)
            m->views[i]->event(m->views[i], m, event, m->seq, changes);
    m->ledger.call_ns = event->t_ns;
}

static void deliver_waiting(struct model *m, struct thread *t, const struct cause *call)
{
    for (size_t i = 0; i < t->waiting.count; i++) {
        struct change *change = &t->waiting.items[i];
        if (call && call->code == change->cause.code) {
            change->cause.seq = call->seq;
            change->cause.t_ns = call->t_ns;
            change->cause.addr = call->addr;
            change->cause.old_addr = call->old_addr;
        }
        deliver(m, change);
    }
    m->state->waiting -= t->waiting.count;
    change_list_clear(&t->waiting);
}

static void show(struct model *m, const struct event *event, unsigned changes)
{
    m->seq++;
    for (unsigned i = 0; i < m->view_count; i++)
        m->views[i]->event(m->views[i], m, event, m->seq, changes);
}

/* glibc, malloc/malloc.c, __libc_free(): giving back a block with a region of its own raises the
 * threshold to its size, unless the user has set one. */
static void follow_threshold(struct image *image, uint64_t chunk)
{
    uint64_t size = chunk & ~(uint64_t)PMT_CHUNK_FLAGS;
    if (!image->dynamic_threshold || !(chunk & PMT_CHUNK_MMAPPED) ||
        size <= image->mmap_threshold || size > image->mmap_threshold_max)
        return;
    image->mmap_threshold = size;
    image->trim_threshold = 2 * size;
}

static void keep_block(struct model *m, const struct event *event, const struct pmt_alloc *a)
{
    struct allocation block = {.addr = a->addr,
                               .size = a->size,
                               .t_ns = event->t_ns,
                               .stack_id = a->r.stack_id,
                               .chunk_flags = (uint32_t)a->chunk & PMT_CHUNK_FLAGS};
    if (block.addr)
        allocations_add(&m->allocations, &block);
}

/* realloc gave the old block back, unless another thread has got its place since the call began. */
static void reallocated(struct model *m, const struct event *event, const struct pmt_alloc *a)
{
    const struct allocation *old = allocations_find(&m->allocations, a->old_addr);
    bool failed = !a->addr && a->error;
    if (old && !failed && old->t_ns <= event->began_ns)
        allocations_remove(&m->allocations, a->old_addr);
    keep_block(m, event, a);
}

static struct cause cause_of_alloc(const struct pmt_alloc *a, uint64_t seq)
{
    return (struct cause){.call = encode_call_name(a->r.call),
                          .code = a->r.call,
                          .addr = a->addr,
                          .seq = seq,
                          .stack_id = a->r.stack_id};
}

static void on_alloc(struct model *m, const struct event *event)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    if (a->r.call == PMT_CALL_FREE) {
        m->ledger.frees += a->addr != 0;
        show_call(m, event, 0);
        allocations_remove(&m->allocations, a->addr);
        follow_threshold(&m->image, a->chunk);
        m->state->freed[a->r.tid % FREED_PLACES] = (struct freed){a->r.tid, a->addr, m->seq};
        return;
    }
    m->ledger.allocations += a->addr != 0;
    m->ledger.bytes += a->addr ? a->size : 0;
    struct thread *t = m->state->waiting ? thread_of(m, a->r.tid) : NULL;
    show_call(m, event, t ? (unsigned)t->waiting.count : 0);
    if (a->r.call == PMT_CALL_REALLOC || a->r.call == PMT_CALL_REALLOCARRAY)
        reallocated(m, event, a);
    else
        keep_block(m, event, a);
    if (t && t->waiting.count) {
        struct cause call = cause_of_alloc(a, m->seq);
        call.t_ns = event->t_ns;
        call.old_addr = pmt_record_size(&a->r) == sizeof *a ? a->old_addr : 0;
        deliver_waiting(m, t, &call);
    }
}

bool model_only_counts(const struct model *m)
{
    bool counts = !m->state->waiting;
    for (unsigned i = 0; i < m->view_count; i++)
        counts &= m->views[i]->skips_calls;
    return counts;
}

void model_count(struct model *m, const struct plain_call *c, uint32_t tid, uint64_t t_ns)
{
    m->seq++;
    m->ledger.call_ns = t_ns;
    if (c->call == PMT_CALL_FREE) {
        m->ledger.frees++;
        allocations_remove(&m->allocations, c->addr);
        m->state->freed[tid % FREED_PLACES] = (struct freed){tid, c->addr, m->seq};
        if (c->chunk & PMT_CHUNK_MMAPPED)
            follow_threshold(&m->image, c->chunk);
        return;
    }
    m->ledger.allocations++;
    m->ledger.bytes += c->size;
    allocations_add(&m->allocations,
                    &(struct allocation){.addr = c->addr,
                                         .size = c->size,
                                         .t_ns = t_ns,
                                         .stack_id = c->stack_id,
                                         .chunk_flags = c->chunk & PMT_CHUNK_FLAGS});
}

static void on_process(struct model *m, const struct event *event)
{
    const struct pmt_process *p = (const struct pmt_process *)event->record;
    const char *exe = (const char *)(p + 1), *libc = exe + p->exe_size, *argv = libc + p->libc_size;
    struct image *image = &m->image;
    if (m->started)
        return; /* one image a trace, for now */
    m->started = true;
    image->pid = p->pid;
    image->ppid = p->ppid;
    image->word_size = p->word_size;
    image->pie = p->pie;
    image->query = p->query;
    image->dynamic_threshold = p->dynamic_threshold;
    image->page_size = p->page_size;
    image->mmap_threshold = p->mmap_threshold;
    image->mmap_threshold_max = p->mmap_threshold_max;
    image->trim_threshold = p->trim_threshold;
    image->stack_end = p->stack_end;
    memcpy(image->tracer, p->tracer, sizeof image->tracer);
    image->wall_time = p->wall_time;
    image->exe = memory_get(p->exe_size + 1u);
    memcpy(image->exe, exe, p->exe_size);
    image->libc = memory_get(p->libc_size + 1u);
    memcpy(image->libc, libc, p->libc_size);
    image->argv = memory_get(p->argv_size + 1u);
    image->argv_size = p->argv_size;
    memcpy(image->argv, argv, p->argv_size);
    show(m, event, 0);
}

static bool is_tracer_file(const struct model_state *s, const struct pmt_region *raw)
{
    for (size_t i = 0; i < s->tracer_count; i++) {
        const struct tracer_file *f = &s->tracer_files[i];
        if (raw->inode && f->inode == raw->inode && f->dev_major == raw->dev_major &&
            f->dev_minor == raw->dev_minor)
            return true;
    }
    return false;
}

static void add_tracer_file(struct model_state *s, const struct pmt_region *raw)
{
    if (!raw->inode || is_tracer_file(s, raw))
        return;
    if (s->tracer_count == s->tracer_room) {
        s->tracer_room = s->tracer_room ? s->tracer_room * 2 : 8;
        s->tracer_files = memory_resize(s->tracer_files, s->tracer_room * sizeof *s->tracer_files);
    }
    s->tracer_files[s->tracer_count++] =
        (struct tracer_file){raw->inode, raw->dev_major, raw->dev_minor};
}

/* The shim's .bss: private memory right behind its writable data. */
static bool is_tracer_bss(const struct model *m, const struct region *r)
{
    size_t at = regions_index(&m->image.map, r->raw.start);
    const struct region *below = at > 0 ? m->image.map.list.items[at - 1] : NULL;
    return r->path[0] == '\0' && below && below->tracer && below->path[0] == '/' &&
           below->raw.end == r->raw.start && below->raw.perms == r->raw.perms &&
           strncmp(below->path, "/memfd:", 7) != 0;
}

/* The shim itself and its output, at the first look: the files that are mapped where the process
 * event says. */
static void find_tracer_files(struct model *m)
{
    for (int i = 0; i < 3; i++) {
        const struct region *r = regions_find(&m->image.map, m->image.tracer[i]);
        if (r && m->image.tracer[i])
            add_tracer_file(m->state, &r->raw);
    }
}

/* Memory that is procmap-trace's own: by name, by what the process event said, or because it came
 * with the tracer's libraries. */
static bool is_tracer(const struct model *m, const struct region *r, enum pmt_reason reason)
{
    static const char memfd[] = "/memfd:" PMT_MEMFD_NAME;
    for (int i = 0; i < 3; i++)
        if (r->raw.start <= m->image.tracer[i] && m->image.tracer[i] < r->raw.end)
            return true;
    return reason == PMT_REASON_TRACER || strncmp(r->path, memfd, sizeof memfd - 1) == 0 ||
           is_tracer_file(m->state, &r->raw) || is_tracer_bss(m, r);
}

static struct cause cause_of_within(const struct pmt_within *within, const char *name,
                                    uint32_t stack_id)
{
    struct cause c = {.call = encode_call_name(within->call),
                      .code = within->call,
                      .size = within->size,
                      .stack_id = stack_id};
    memcpy(c.name, name, within->name_size);
    return c;
}

static struct cause cause_of_kernel(const struct model *m)
{
    const struct pmt_kernel *k = &m->state->kernel;
    struct cause c = cause_of_within(&k->within, m->state->kernel_name, k->r.stack_id);
    c.kernel = k->r.call;
    memcpy(c.args, k->args, sizeof c.args);
    c.result = k->result;
    c.old_brk = k->old_brk;
    c.kernel_seq = c.seq = m->state->kernel_seq;
    c.reason = PMT_REASON_KERNEL;
    if (!c.code) { /* the program made the system call itself */
        c.call = encode_call_name(k->r.call);
        c.code = k->r.call;
    }
    return c;
}

static struct cause cause_of_snapshot(const struct model *m, const struct pmt_snapshot *s)
{
    struct cause c = cause_of_within(&s->within, (const char *)(s + 1), s->r.stack_id);
    switch (s->r.call) {
    case PMT_REASON_KERNEL:
        if (m->state->have_kernel)
            return cause_of_kernel(m);
        break;
    case PMT_REASON_LOADER:
        c.reason = PMT_REASON_LOADER;
        return c;
    case PMT_REASON_STACK:
        c.call = "page fault";
        c.reason = PMT_REASON_STACK;
        return c;
    case PMT_REASON_TRACER:
        c.call = "procmap-trace";
        c.code = PMT_CALL_NONE;
        c.reason = PMT_REASON_TRACER;
        return c;
    }
    c.call = "unattributed";
    c.code = PMT_CALL_NONE;
    c.reason = s->r.call;
    c.stack_id = 0; /* that of the look, not of the change */
    return c;
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
    const struct region *before = covering(&m->state->gone, r);
    if (before || cause->kernel != PMT_CALL_MREMAP)
        return before;
    struct pmt_region from = {.start = cause->args[0], .end = cause->args[0] + 1};
    before = covering(&m->state->gone, &(struct region){.raw = from});
    return before ? before : regions_find(&m->image.map, cause->args[0]);
}

/* Gives the new regions, from index `i` on, their kind and owner. What was the program's stays so.
 */
static void describe(struct model *m, const struct cause *cause, enum pmt_reason reason, size_t i)
{
    struct model_state *s = m->state;
    if (reason == PMT_REASON_START)
        find_tracer_files(m);
    for (; i < s->fresh.count; i++) {
        struct region *r = s->fresh.items[i];
        const struct region *before = origin(m, r, cause);
        r->tracer = before ? before->tracer : is_tracer(m, r, reason);
        if (reason == PMT_REASON_TRACER && r->tracer)
            add_tracer_file(s, &r->raw);
        r->kind = kind_of(&m->image, r, reason == PMT_REASON_START ? NULL : cause, before);
    }
}

/* The place that the system call named is the window without the page on each side that shows
 * neighbours; a change elsewhere is not its doing. */
static bool is_explained(const struct model *m, const struct change *change)
{
    uint64_t lo, hi, page = m->image.page_size;
    changes_extent(change, &lo, &hi);
    return lo < m->state->look_hi - page && hi > m->state->look_lo + (m->state->look_lo ? page : 0);
}

static bool must_wait(const struct cause *cause)
{
    return cause->reason == PMT_REASON_KERNEL && cause->code >= PMT_CALL_MALLOC &&
           cause->code <= PMT_CALL_PVALLOC && cause->code != PMT_CALL_FREE;
}

static void take_change(struct model *m, struct change *change, const struct cause *cause,
                        const struct event *event)
{
    struct thread *t = thread_of(m, event->record->tid);
    change->cause = *cause;
    change->t_ns = event->t_ns;
    change->tid = event->record->tid;
    const struct region *r = change->after ? change->after : change->before;
    change->tracer = r->tracer;
    if (cause->reason == PMT_REASON_KERNEL && !is_explained(m, change)) {
        change->cause.call = "unattributed";
        change->cause.code = change->cause.kernel = PMT_CALL_NONE;
        change->cause.seq = change->cause.kernel_seq = change->cause.stack_id = 0;
    }
    const struct freed *freed = &m->state->freed[t->tid % FREED_PLACES];
    if (change->cause.code == PMT_CALL_FREE && freed->tid == t->tid) {
        change->cause.seq = freed->seq;
        change->cause.addr = freed->addr;
    }
    if (!must_wait(&change->cause))
        return deliver(m, change);
    struct change_list *list = &t->waiting;
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 4;
        list->items = memory_resize(list->items, list->room * sizeof *list->items);
    }
    list->items[list->count++] = *change;
    memset(change, 0, sizeof *change); /* the regions are the list's now */
    m->state->waiting++;
}

static void finish_look(struct model *m, const struct event *event, const struct cause *cause)
{
    struct model_state *state = m->state;
    bool is_move = cause->kernel == PMT_CALL_MREMAP && cause->result > 0;
    if (event->record->call != PMT_REASON_START)
        changes_find(&state->gone, &state->fresh, is_move ? cause->args[0] : 0,
                     is_move ? (uint64_t)cause->result : 0, &state->found);
    for (size_t i = 0; i < state->found.count; i++)
        take_change(m, &state->found.items[i], cause, event);
    change_list_clear(&state->found);
    region_list_clear(&state->gone);
    region_list_clear(&state->fresh);
    state->look_open = false;
}

static void on_snapshot(struct model *m, const struct event *event)
{
    const struct pmt_snapshot *s = (const struct pmt_snapshot *)event->record;
    struct model_state *state = m->state;
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
    struct cause cause = cause_of_snapshot(m, s);
    regions_replace(&m->image.map, s->lo, s->hi, &state->now, &state->gone, &state->fresh);
    describe(m, &cause, s->r.call,
             known); /* views show the regions of the snapshot with their kinds */
    show(m, event, 0);
    if (s->flags & PMT_SNAPSHOT_LAST)
        finish_look(m, event, &cause);
}

static void on_kernel(struct model *m, const struct event *event)
{
    const struct pmt_kernel *k = (const struct pmt_kernel *)event->record;
    show(m, event, 0);
    m->state->kernel = *k;
    memcpy(m->state->kernel_name, k + 1, k->within.name_size);
    m->state->kernel_seq = m->seq;
    m->state->have_kernel = true;
}

static void on_loss(struct model *m, const struct event *event)
{
    m->ledger.lost += ((const struct pmt_lost *)event->record)->count;
    show(m, event, 0);
}

static void deliver_all(struct model *m)
{
    for (size_t i = 0; i < m->state->thread_count; i++)
        deliver_waiting(m, &m->state->threads[i], NULL);
}

void model_event(struct model *m, const struct event *event)
{
    switch (event->record->type) {
    case PMT_RECORD_ALLOC:
        return on_alloc(m, event);
    case PMT_RECORD_PROCESS:
        return on_process(m, event);
    case PMT_RECORD_KERNEL:
        return on_kernel(m, event);
    case PMT_RECORD_SNAPSHOT:
        return on_snapshot(m, event);
    case PMT_RECORD_STACK:
        stacks_add(&m->stacks, event, &m->image.map);
        return show(m, event, 0);
    case PMT_RECORD_LOSS:
        return on_loss(m, event);
    case PMT_RECORD_EXIT:
        deliver_all(m);
        m->ended = true;
        return show(m, event, 0);
    default:
        return show(m, event, 0);
    }
}

void model_flush(struct model *m)
{
    for (unsigned i = 0; i < m->view_count; i++)
        m->views[i]->flush(m->views[i]);
}

static void free_state(struct model *m)
{
    struct model_state *s = m->state;
    for (size_t i = 0; i < s->thread_count; i++)
        change_list_free(&s->threads[i].waiting);
    memory_put(s->threads);
    memory_put(s->tracer_files);
    region_list_free(&s->gone);
    region_list_free(&s->fresh);
    region_list_free(&s->now);
    change_list_free(&s->found);
    memory_put(s);
    region_list_free(&m->image.map.list);
    memory_put(m->image.exe);
    memory_put(m->image.libc);
    memory_put(m->image.argv);
    allocations_free(&m->allocations);
    stacks_free(&m->stacks);
}

int model_close(struct model *m)
{
    int result = 0;
    deliver_all(m);
    for (unsigned i = 0; i < m->view_count; i++) {
        int error = m->views[i]->close(m->views[i], m);
        result = result ? result : error;
    }
    free_state(m);
    return result;
}
