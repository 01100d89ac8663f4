#include "runner/model/heap_top.h"
#include "runner/model/image.h"

void heap_top_change(struct image *image, const struct change *change)
{
    struct heap_top *top = &image->heap_top;
    const struct region *r = change_region(change);
    if (change->reason.code == REASON_HEAP_FIRST)
        *top = (struct heap_top){.highest = top->highest, .known = image->ledger.allocations <= 1};
    if (change->reason.code == REASON_BREAK_UP || change->reason.code == REASON_BREAK_DOWN)
        top->known = false;
    if (r->kind == KIND_HEAP && change->delta < 0 && change->after &&
        change->after->raw.end < top->highest)
        top->highest = change->after->raw.end;
}

uint64_t heap_top_left(const struct image *image, const struct pmt_alloc *a)
{
    const struct region *r = regions_find(&image->map, a->addr);
    uint64_t start = glibc_chunk_at(a->addr, image->word_size);
    uint64_t end = start + glibc_chunk_size(a->chunk);
    bool at_top = image->heap_top.known && start >= image->heap_top.highest;
    return at_top && r && r->kind == KIND_HEAP && end <= r->raw.end ? r->raw.end - end : UINT64_MAX;
}
