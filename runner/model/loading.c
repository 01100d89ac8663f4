#include "runner/model/loading.h"
#include "runner/model/deliver.h"
#include "runner/model/library.h"
#include <string.h>
#include <sys/mman.h>

/* The place is kept by PROT_NONE where there is nothing of the file. */
static bool makes_part(unsigned call, const uint64_t *args)
{
    bool maps = call == PMT_CALL_MMAP || call == PMT_CALL_MMAP2;
    return (maps && args[3] & MAP_FIXED) || (call == PMT_CALL_MPROTECT && args[2] == PROT_NONE);
}

static bool is_inside(const struct loading *l, unsigned call, const uint64_t *args)
{
    return makes_part(call, args) && args[0] >= l->lo && args[0] < l->hi &&
           args[1] <= l->hi - args[0];
}

static bool goes_on(const struct loading *l, const struct pmt_record *r)
{
    const struct pmt_kernel *k = (const struct pmt_kernel *)r;
    switch (r->type) {
    case PMT_RECORD_STACK:
        return true;
    case PMT_RECORD_KERNEL:
        return k->within.by_loader && is_inside(l, r->call, k->args);
    case PMT_RECORD_SNAPSHOT:
        return r->call == PMT_REASON_KERNEL || r->call == PMT_REASON_STACK;
    default:
        return false;
    }
}

struct thread_note *loading_over(struct thread_notes *threads, const struct pmt_record *record)
{
    if (!threads->loading)
        return NULL;
    struct thread_note *thread = thread_notes_get(threads, record->tid);
    return thread->loading.hi && !goes_on(&thread->loading, record) ? thread : NULL;
}

bool loading_takes(struct thread_notes *threads, struct thread_note *thread,
                   const struct change *change)
{
    const struct cause *c = &change->cause;
    if (c->kind != CAUSE_KERNEL || !c->by_loader)
        return false;
    if (thread->loading.hi)
        return is_inside(&thread->loading, c->kernel, c->args);
    if (!cause_maps(c) || c->args[3] & MAP_ANONYMOUS || !library_has(change) ||
        change->type != CHANGE_ADDED || thread->waiting.count)
        return false;
    const struct region *place = change->after;
    thread->loading = (struct loading){place->raw.start, place->raw.end};
    threads->loading++;
    return true;
}

void loading_end(struct model *m, struct thread_note *thread)
{
    struct loading l = thread->loading;
    if (!l.hi)
        return;
    thread->loading = (struct loading){0};
    m->image->threads.loading--;
    struct change_list *changes = &thread->waiting;
    struct library library = library_in(&m->image->map, l.lo, l.hi, &changes->items[0]);
    for (size_t i = 0; i < changes->count; i++)
        changes->items[i].library = library.path;
    deliver_library(m, &library);
    region_list_free(&library.regions);
}
