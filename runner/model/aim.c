#include "runner/model/aim.h"
#include "runner/symbols/symbols.h"

static bool holds_blocks(const struct region *r)
{
    return r->kind == KIND_HEAP || r->kind == KIND_MALLOC_MMAP || r->kind == KIND_MALLOC_ARENA;
}

const struct allocation *aim_block_below(const struct image *image, const struct region *r,
                                         uint64_t address)
{
    const struct allocations *all = &image->allocations;
    const struct allocation *found = NULL;
    for (size_t i = 0; holds_blocks(r) && i <= all->mask; i++) {
        const struct allocation *a = &all->table[i];
        if (a->addr >= r->raw.start && a->addr < r->raw.end && a->addr <= address &&
            (!found || a->addr > found->addr))
            found = a;
    }
    return found;
}

static const char *function_at(struct image *image, const struct region *r, uint64_t address)
{
    if (!(r->raw.perms & PMT_PERM_EXEC) || r->path[0] != '/')
        return NULL;
    uint64_t offset = address - r->raw.start + r->raw.offset;
    return symbols_resolve(image->stacks.symbols, r->path, offset, true)->function;
}

struct aim aim_at(struct image *image, uint64_t address)
{
    struct aim aim = {.region = regions_find(&image->map, address)};
    if (!aim.region) {
        aim.freed = freed_blocks_find(&image->freed, address);
        return aim;
    }
    const struct allocation *below = aim_block_below(image, aim.region, address);
    uint64_t size = below && below->size ? below->size : 1;
    if (below && address - below->addr < size)
        aim.block = below;
    else
        aim.freed = freed_blocks_find(&image->freed, address);
    aim.function = function_at(image, aim.region, address);
    return aim;
}
