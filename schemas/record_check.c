#include "schemas/record_check.h"
#include "schemas/fatal.h"
#include "schemas/resident.h"
#include "schemas/stack_use.h"
#include "schemas/unseen.h"
#include "schemas/variable.h"

#define PAGE_SIZE_MIN 4096u /* of every machine that the shim runs on */
#define ERRNO_MAX 4095u     /* of the kernel: results above -4096 are errors */
#define SIGNAL_MAX 64u

static bool alloc_valid(const struct pmt_record *r)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)r;
    uint32_t size = pmt_record_size(r);
    if (r->call == PMT_CALL_FREE)
        return size == PMT_ALLOC_FREE_SIZE;
    if (!call_allocates(r->call))
        return false;
    if (size == PMT_ALLOC_MALLOC_SIZE)
        return r->call == PMT_CALL_MALLOC || r->call == PMT_CALL_CALLOC;
    return size == sizeof *a && a->error <= ERRNO_MAX;
}

static bool kernel_valid(const struct pmt_record *r)
{
    const struct pmt_kernel *k = (const struct pmt_kernel *)r;
    uint32_t size = pmt_record_size(r);
    return size >= sizeof *k && call_is_of_kernel(r->call) && k->within.call < PMT_CALL_COUNT &&
           k->within.by_loader <= 1 && k->within.name_size <= size - sizeof *k;
}

static bool region_valid(const struct pmt_region *g, const struct pmt_snapshot *s, uint64_t above)
{
    return g->start >= above && g->start < g->end && (g->start | g->end) % PAGE_SIZE_MIN == 0 &&
           g->start < s->hi && g->end > s->lo && g->perms < 2 * PMT_PERM_SHARED;
}

static bool regions_valid(const struct pmt_snapshot *s, const char *at, uint32_t left)
{
    uint64_t above = 0;
    for (uint32_t i = 0; i < s->regions; i++) {
        const struct pmt_region *g = (const struct pmt_region *)at;
        if (left < sizeof *g || g->path_size > PMT_PATH_MAX)
            return false;
        uint32_t size = sizeof *g + pmt_align(g->path_size);
        if (left < size || !region_valid(g, s, above))
            return false;
        above = g->end;
        at += size;
        left -= size;
    }
    return true;
}

static bool snapshot_valid(const struct pmt_record *r)
{
    const struct pmt_snapshot *s = (const struct pmt_snapshot *)r;
    uint32_t size = pmt_record_size(r);
    if (size < sizeof *s || r->call == PMT_REASON_NONE || r->call >= PMT_REASON_COUNT ||
        s->lo >= s->hi || s->flags > (PMT_SNAPSHOT_LAST | PMT_SNAPSHOT_WHOLE) ||
        s->within.call >= PMT_CALL_COUNT || s->within.by_loader > 1)
        return false;
    uint32_t head = sizeof *s + pmt_align(s->within.name_size);
    return size >= head && regions_valid(s, (const char *)s + head, size - head);
}

static bool stack_valid(const struct pmt_record *r)
{
    const struct pmt_stack *s = (const struct pmt_stack *)r;
    uint32_t size = pmt_record_size(r);
    return size >= sizeof *s && r->stack_id != 0 && s->frames <= PMT_MAX_FRAMES &&
           size - sizeof *s >= s->frames * sizeof s->ip[0];
}

static bool process_valid(const struct pmt_record *r)
{
    const struct pmt_process *p = (const struct pmt_process *)r;
    uint32_t size = pmt_record_size(r);
    if (size < sizeof *p || (p->word_size != 4 && p->word_size != 8) ||
        (p->pie | p->query | p->dynamic_threshold) > 1 || p->page_size < PAGE_SIZE_MIN ||
        (p->page_size & (p->page_size - 1)) != 0 || p->origin > PMT_ORIGIN_EXEC ||
        p->backend > PMT_BACKEND_PTRACE || (p->statically_linked | p->blind) > 1)
        return false;
    const char *argv = (const char *)(p + 1) + p->exe_size + p->libc_size;
    return p->exe_size <= PMT_PATH_MAX && p->libc_size <= PMT_PATH_MAX &&
           p->allocator_size <= PMT_PATH_MAX &&
           (uint64_t)p->exe_size + p->libc_size + p->argv_size + p->allocator_size <=
               size - sizeof *p &&
           (p->argv_size == 0 || argv[p->argv_size - 1] == '\0');
}

static bool exec_valid(const struct pmt_record *r)
{
    const struct pmt_exec *x = (const struct pmt_exec *)r;
    uint32_t size = pmt_record_size(r);
    return size >= sizeof *x && x->error >= 0 && x->error <= (int32_t)ERRNO_MAX &&
           x->path_size <= PMT_PATH_MAX && x->path_size <= size - sizeof *x;
}

static bool exit_valid(const struct pmt_record *r)
{
    const struct pmt_exit *x = (const struct pmt_exit *)r;
    return pmt_record_size(r) >= sizeof *x && x->signal <= SIGNAL_MAX &&
           x->end <= PMT_END_DETACHED && (x->signal == 0 || x->end == PMT_END_EXIT);
}

static bool thread_valid(const struct pmt_record *r)
{
    const struct pmt_thread *t = (const struct pmt_thread *)r;
    return pmt_record_size(r) >= sizeof *t && t->event <= PMT_THREAD_END;
}

static bool fork_valid(const struct pmt_record *r)
{
    return pmt_record_size(r) >= sizeof(struct pmt_fork) && r->call >= PMT_CALL_FORK &&
           r->call <= PMT_CALL_CLONE;
}

static bool unfollowed_valid(const struct pmt_record *r)
{
    const struct pmt_unfollowed *u = (const struct pmt_unfollowed *)r;
    uint32_t size = pmt_record_size(r);
    return size >= sizeof *u && r->call != PMT_UNFOLLOWED_NONE && r->call < PMT_UNFOLLOWED_COUNT &&
           u->path_size <= PMT_PATH_MAX && u->path_size <= size - sizeof *u;
}

static bool forbids_valid(const struct pmt_record *r)
{
    return pmt_record_size(r) >= sizeof(struct pmt_forbids) && r->call != PMT_FORBIDDEN_NONE &&
           r->call < PMT_FORBIDDEN_COUNT;
}

static bool fatal_valid(const struct pmt_record *r)
{
    const struct pmt_fatal *f = (const struct pmt_fatal *)r;
    uint32_t size = pmt_record_size(r);
    return size >= sizeof *f && call_is_fatal_signal(r->call) && f->access <= PMT_ACCESS_UNKNOWN &&
           f->message_size <= PMT_MESSAGE_MAX && f->content_size <= PMT_CONTENT_MAX &&
           f->message_size + f->content_size <= size - sizeof *f &&
           f->content_at <= f->content_size;
}

/* Frames lie one above the other, so they cannot be larger than what is above the pointer. */
static bool stack_use_valid(const struct pmt_record *r)
{
    const struct pmt_stack_use *u = (const struct pmt_stack_use *)r;
    if (pmt_record_size(r) < sizeof *u || u->bytes > UINT64_MAX - u->sp)
        return false;
    if (!u->calls)
        return !u->bytes && !u->each && !r->stack_id;
    return r->stack_id && u->bytes >= u->calls &&
           (!u->each || (u->bytes % u->calls == 0 && u->bytes / u->calls == u->each));
}

static bool variable_valid(const struct pmt_record *r)
{
    const struct pmt_variable *v = (const struct pmt_variable *)r;
    const uint32_t most = PMT_VARIABLE_NAME_MAX;
    uint32_t size = pmt_record_size(r);
    if (size < sizeof *v || r->call >= PMT_VARIABLE_KIND_COUNT || v->place >= PMT_PLACE_COUNT ||
        v->value_is >= PMT_VALUE_COUNT || v->time >= PMT_TIME_COUNT)
        return false;
    if (!v->name_size || v->name_size > most || v->type_size > most || v->function_size > most ||
        v->file_size > most || v->text_size > PMT_VARIABLE_TEXT_MAX)
        return false;
    return (uint32_t)v->name_size + v->type_size + v->function_size + v->file_size + v->text_size <=
           size - sizeof *v;
}

static bool unseen_valid(const struct pmt_record *r)
{
    const struct pmt_unseen *u = (const struct pmt_unseen *)r;
    const struct pmt_unseen_site *sites = (const struct pmt_unseen_site *)(u + 1);
    uint64_t size = pmt_record_size(r), needed = sizeof *u;
    if (size < sizeof *u || u->sites > PMT_UNSEEN_SITES || u->sites > u->count || !u->sites ||
        u->path_size > PMT_PATH_MAX)
        return false;
    needed += u->sites * sizeof *sites + u->path_size;
    for (uint32_t i = 0; i < u->sites && needed <= size; i++) {
        if (sites[i].call >= PMT_CALL_COUNT || sites[i].function_size > PMT_UNSEEN_NAME_MAX)
            return false;
        needed += sites[i].function_size;
    }
    return needed <= size;
}

static bool resident_valid(const struct pmt_record *r)
{
    const struct pmt_resident *x = (const struct pmt_resident *)r;
    const struct pmt_resident_region *regions = (const struct pmt_resident_region *)(x + 1);
    uint64_t size = pmt_record_size(r), above = 0;
    if (size < sizeof *x || r->call >= PMT_MOMENT_COUNT || x->label_size > PMT_LABEL_MAX ||
        x->regions * sizeof *regions + x->label_size > size - sizeof *x)
        return false;
    for (uint32_t i = 0; i < x->regions; i++) {
        if (regions[i].start < above || regions[i].end <= regions[i].start)
            return false;
        above = regions[i].end;
    }
    return true;
}

static bool other_valid(const struct pmt_record *r)
{
    uint32_t size = pmt_record_size(r);
    switch (r->type) {
    case PMT_RECORD_PROCESS:
        return process_valid(r);
    case PMT_RECORD_KERNEL:
        return kernel_valid(r);
    case PMT_RECORD_SNAPSHOT:
        return snapshot_valid(r);
    case PMT_RECORD_STACK:
        return stack_valid(r);
    case PMT_RECORD_MALLOPT:
        return size >= sizeof(struct pmt_mallopt);
    case PMT_RECORD_EXEC:
        return exec_valid(r);
    case PMT_RECORD_EXIT:
        return exit_valid(r);
    case PMT_RECORD_THREAD:
        return thread_valid(r);
    case PMT_RECORD_FORK:
        return fork_valid(r);
    case PMT_RECORD_UNFOLLOWED:
        return unfollowed_valid(r);
    case PMT_RECORD_FORBIDDEN:
        return forbids_valid(r);
    case PMT_RECORD_FATAL:
        return fatal_valid(r);
    case PMT_RECORD_STACK_USE:
        return stack_use_valid(r);
    case PMT_RECORD_RESIDENT:
        return resident_valid(r);
    case PMT_RECORD_UNSEEN:
        return unseen_valid(r);
    case PMT_RECORD_VARIABLE:
        return variable_valid(r);
    case PMT_RECORD_LOSS:
        return size >= sizeof(struct pmt_lost) && r->call != PMT_LOSS_NONE &&
               r->call < PMT_LOSS_COUNT;
    default:
        return false;
    }
}

bool record_valid(const struct pmt_record *r, size_t size)
{
    if (size < sizeof *r || pmt_record_size(r) > size || pmt_record_size(r) > PMT_RECORD_MAX)
        return false;
    return r->type == PMT_RECORD_ALLOC ? alloc_valid(r) : other_valid(r);
}
