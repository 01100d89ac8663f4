#include "runner/model/heap_top.h"

void heap_top_change(struct heap_top *top, const struct change *change, bool first)
{
    const struct region *r = change_region(change);
    if (r->kind == KIND_HEAP && change->type == CHANGE_ADDED)
        top->came = true;
    if (change->reason.code == REASON_HEAP_FIRST || change->reason.code == REASON_HEAP_FIRST_BARE)
        top->known = first;
    if (change->reason.code == REASON_BREAK_UP || change->reason.code == REASON_BREAK_DOWN)
        top->known = false;
    if (r->kind == KIND_HEAP && change->delta < 0 && change->after &&
        change->after->raw.end < top->highest)
        top->highest = change->after->raw.end;
}

uint64_t heap_top_left(const struct heap_top *top, const struct regions *map,
                       const struct pmt_alloc *a, unsigned word_size)
{
    const struct region *r = regions_find(map, a->addr);
    uint64_t start = glibc_chunk_at(a->addr, word_size);
    uint64_t end = start + glibc_chunk_size(a->chunk);
    bool at_top = top->known && start >= top->highest;
    return at_top && r && r->kind == KIND_HEAP && end <= r->raw.end ? r->raw.end - end : UINT64_MAX;
}
