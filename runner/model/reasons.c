#include "runner/model/reasons.h"
#include "runner/model/reasons_loader.h"
#include "runner/model/reasons_malloc.h"
#include "runner/model/reasons_map.h"

/* What a look found that follows no system call. */
static enum reason_code of_look(const struct cause *c)
{
    switch (c->kind) {
    case CAUSE_PAGE_FAULT:
        return REASON_STACK_TOUCHED;
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
    if (c->kernel == PMT_CALL_NONE && c->kind != CAUSE_CALL)
        return (struct reason){.code = of_look(c)};
    if (call_allocates(c->code))
        return reasons_malloc(m->image, change);
    enum reason_code loader = c->by_loader ? reasons_loader(change) : REASON_NONE;
    return (struct reason){.code = loader ? loader : reasons_map(change)};
}
