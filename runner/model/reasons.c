#include "runner/model/reasons.h"
#include "runner/model/reasons_loader.h"
#include "runner/model/reasons_malloc.h"
#include "runner/model/reasons_map.h"

/* A stack that has grown reaches down to the page of the deepest touch. Where most of what is new
 * lies below the calls that are not over, it was others that touched it. */
static struct reason of_growth(const struct image *image, const struct change *change)
{
    const struct pmt_stack_use *use = &image->stack_use;
    const struct region *before = change->before, *after = change->after;
    struct reason touched = {.code = REASON_STACK_TOUCHED};
    if (!use->sp || use->r.tid != change->tid || change->type != CHANGE_GROWN ||
        after->raw.start >= before->raw.start || use->sp + use->bytes > after->raw.end)
        return touched;
    uint64_t used = use->sp < before->raw.start ? before->raw.start - use->sp : 0;
    if (used < (before->raw.start - after->raw.start + 1) / 2)
        return (struct reason){.code = REASON_STACK_RETURNED};
    if (!use->calls)
        return touched;
    if (use->limit && region_size(after) > use->limit - image->page_size)
        return (struct reason){.code = REASON_STACK_FULL, .args = {use->bytes, use->limit}};
    return (struct reason){.code = REASON_STACK_USED, .args = {use->bytes}};
}

/* What a look found that follows no system call. */
static enum reason_code of_look(const struct cause *c)
{
    switch (c->kind) {
    case CAUSE_LOADER:
        if (c->code == PMT_CALL_DLCLOSE)
            return REASON_LOADER_UNLOADED;
        return c->code == PMT_CALL_DLOPEN || c->code == PMT_CALL_DLMOPEN ? REASON_LOADER_LOADED
                                                                         : REASON_LOADER_WORKED;
    case CAUSE_TRACER:
        return REASON_TRACER;
    case CAUSE_OVERLOOKED:
        return REASON_OVERLOOKED;
    default:
        return REASON_UNATTRIBUTED;
    }
}

struct reason reasons_of_change(const struct model *m, const struct change *change)
{
    const struct cause *c = &change->cause;
    if (c->kind == CAUSE_PAGE_FAULT)
        return of_growth(m->image, change);
    if (c->kernel == PMT_CALL_NONE && c->kind != CAUSE_CALL)
        return (struct reason){.code = of_look(c)};
    if (call_allocates(c->code))
        return reasons_malloc(m->image, change);
    enum reason_code loader = c->by_loader ? reasons_loader(change) : REASON_NONE;
    return (struct reason){.code = loader ? loader : reasons_map(change)};
}
