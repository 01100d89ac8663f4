#include "runner/model/graves.h"
#include "runner/base/memory.h"

void graves_free(struct graves *g)
{
    for (uint32_t i = 0; g->last && i < GRAVES; i++)
        region_drop(g->last[i].region);
    memory_put(g->last);
    *g = (struct graves){0};
}

/* The block whose pages went with these, by the free that took them. */
static struct freed_block block_of(const struct freed_blocks *freed, const struct cause *cause)
{
    const struct freed_block *block =
        cause->code == PMT_CALL_FREE ? freed_blocks_find(freed, cause->addr) : NULL;
    return block ? *block : (struct freed_block){0};
}

static void add(struct graves *g, const struct freed_blocks *freed, const struct change *change,
                uint64_t lo, uint64_t hi)
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
                            .block = block_of(freed, &change->cause)};
}

void graves_change(struct graves *g, const struct freed_blocks *freed, const struct change *change)
{
    const struct region *before = change->before, *after = change->after;
    if (!before || change->tracer)
        return;
    bool apart =
        !after || after->raw.start >= before->raw.end || after->raw.end <= before->raw.start;
    if (apart)
        return add(g, freed, change, before->raw.start, before->raw.end);
    add(g, freed, change, before->raw.start, after->raw.start);
    add(g, freed, change, after->raw.end, before->raw.end);
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
