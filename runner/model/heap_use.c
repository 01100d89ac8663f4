#include "runner/model/heap_use.h"
#include "schemas/glibc.h"

static bool is_in_heap(const struct image *image, const struct allocation *block)
{
    const struct region *r = regions_find(&image->map, block->addr);
    bool elsewhere = block->chunk & (PMT_CHUNK_MMAPPED | PMT_CHUNK_NON_MAIN_ARENA);
    return block->chunk && !elsewhere && r && r->kind == KIND_HEAP;
}

static uint64_t find_heap(const struct image *image, struct heap_use *use)
{
    uint64_t end = 0;
    for (size_t i = 0; i < image->map.list.count; i++) {
        const struct region *r = image->map.list.items[i];
        if (r->kind != KIND_HEAP)
            continue;
        use->bytes += region_size(r);
        end = r->raw.end;
    }
    return end;
}

bool heap_use_of(const struct image *image, struct heap_use *out)
{
    const struct allocations *a = &image->allocations;
    *out = (struct heap_use){0};
    uint64_t end = find_heap(image, out);
    if (!end || image->blind || !image->thresholds.mmap || !image->heap_top.came)
        return false;
    for (size_t i = 0; i <= a->mask; i++) {
        const struct allocation *block = &a->table[i];
        if (!block->addr || !is_in_heap(image, block))
            continue;
        out->blocks++;
        out->used += glibc_chunk_size(block->chunk);
        if (!out->last || block->addr > out->last->addr)
            out->last = block;
    }
    out->behind = out->bytes;
    if (out->last) {
        uint64_t behind =
            glibc_chunk_at(out->last->addr, image->word_size) + glibc_chunk_size(out->last->chunk);
        out->behind = end > behind ? end - behind : 0;
    }
    return true;
}

bool heap_use_is_pinned(const struct image *image, const struct heap_use *use)
{
    uint64_t trim = image->thresholds.trim, taken = use->used + use->behind;
    return use->last && use->behind < trim && use->bytes > taken && use->bytes - taken >= trim;
}
