#include "runner/model/graves.h"
#include "runner/base/memory.h"

void graves_free(struct graves *g)
{
    for (uint32_t i = 0; g->last && i < GRAVES; i++)
        region_drop(g->last[i].region);
    memory_put(g->last);
    *g = (struct graves){0};
}

void graves_block(struct graves *g, const struct allocation *block, uint32_t freed_by,
                  uint64_t t_ns)
{
    g->freed[g->next_freed++ % GRAVES_BLOCKS] = (struct freed_block){.addr = block->addr,
                                                                     .size = block->size,
                                                                     .made_by = block->stack_id,
                                                                     .freed_by = freed_by,
                                                                     .t_ns = t_ns};
}

/* The block whose pages went with these, by the free that took them. */
static struct freed_block block_of(const struct graves *g, const struct change *change)
{
    const struct cause *cause = &change->cause;
    for (uint32_t i = 0; cause->code == PMT_CALL_FREE && i < GRAVES_BLOCKS; i++)
        if (g->freed[i].addr && g->freed[i].addr == cause->addr)
            return g->freed[i];
    return (struct freed_block){0};
}

static void add(struct graves *g, const struct change *change, uint64_t lo, uint64_t hi)
{
    if (lo >= hi)
        return;
    if (!g->last)
        g->last = memory_get(GRAVES * sizeof *g->last);
    struct grave *grave = &g->last[g->next++ % GRAVES];
    region_drop(grave->region);
    *grave = (struct grave){.lo = lo,
                            .hi = hi,
                            .region = region_keep(change->before),
                            .t_ns = change->t_ns,
                            .cause = change->cause,
                            .block = block_of(g, change)};
}

void graves_change(struct graves *g, const struct change *change)
{
    const struct region *before = change->before, *after = change->after;
    if (!before || change->tracer)
        return;
    bool apart =
        !after || after->raw.start >= before->raw.end || after->raw.end <= before->raw.start;
    if (apart)
        return add(g, change, before->raw.start, before->raw.end);
    add(g, change, before->raw.start, after->raw.start);
    add(g, change, after->raw.end, before->raw.end);
}

const struct grave *graves_find(const struct graves *g, uint64_t address)
{
    for (uint32_t i = 1; g->last && i <= GRAVES; i++) {
        const struct grave *grave = &g->last[(g->next - i) % GRAVES];
        if (grave->lo <= address && address < grave->hi)
            return grave;
    }
    return NULL;
}
