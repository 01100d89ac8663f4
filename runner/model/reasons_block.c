#include "runner/model/reasons_block.h"
#include "schemas/glibc.h"
#include <errno.h>

#define REASON(name, ...) ((struct reason){REASON_##name, {__VA_ARGS__}})
#define NOTHING ((struct reason){0})

/* Where a process can have memory: arch/x86/include/asm/page_64_types.h, IA32_PAGE_OFFSET and
 * TASK_SIZE_MAX; below, vm.mmap_min_addr, as nearly everywhere. */
#define LOWEST 0x10000u
#define HIGHEST_32 0xffffe000u
#define HIGHEST_64 0x7ffffffff000u

/* The kernel keeps a gap below a stack, of 256 pages: what is not that much larger than what was
 * asked for may be too small. */
#define STACK_GAPS (4u << 20)

static uint64_t largest_hole(const struct image *image)
{
    const struct region_list *map = &image->map.list;
    uint64_t highest = image->word_size == 4 ? HIGHEST_32 : HIGHEST_64;
    uint64_t from = LOWEST, largest = 0;
    for (size_t i = 0; i <= map->count; i++) {
        uint64_t to = i < map->count ? map->items[i]->raw.start : highest;
        to = to < highest ? to : highest; /* [vsyscall] is the kernel's */
        if (to > from && to - from > largest)
            largest = to - from;
        if (i < map->count && map->items[i]->raw.end > from)
            from = map->items[i]->raw.end;
    }
    return largest;
}

static struct reason of_failure(const struct image *image, const struct pmt_alloc *a)
{
    uint64_t most = image->word_size == 4 ? INT32_MAX : INT64_MAX; /* PTRDIFF_MAX */
    if (a->error != ENOMEM)
        return NOTHING;
    if (a->size > most)
        return REASON(TOO_LARGE, most);
    uint64_t hole = largest_hole(image);
    if (hole < a->size)
        return REASON(NO_HOLE, hole);
    return hole - a->size > STACK_GAPS ? REASON(REFUSED, hole) : NOTHING;
}

/* realloc of a block that is known. */
static struct reason of_resizing(const struct pmt_alloc *a, const struct allocation *old)
{
    uint32_t was = old->chunk & ~PMT_CHUNK_FLAGS,
             is = allocation_chunk(a->chunk) & ~PMT_CHUNK_FLAGS;
    if (a->chunk & old->chunk & PMT_CHUNK_MMAPPED)
        return NOTHING;
    if (a->addr != a->old_addr)
        return REASON(BLOCK_COPIED, old->size < a->size ? old->size : a->size);
    if (is == was)
        return REASON(BLOCK_HAS_ROOM);
    return is > was ? REASON(BLOCK_GROWN) : REASON(BLOCK_CUT);
}

static struct reason of_new_block(const struct image *image, const struct pmt_alloc *a,
                                  unsigned changes)
{
    uint64_t threshold = image->thresholds.mmap;
    bool reaches = glibc_request(a->size, image->word_size) >= threshold;
    if (a->chunk & PMT_CHUNK_MMAPPED)
        return reaches ? REASON(MMAP_THRESHOLD, a->size, threshold) : NOTHING;
    if (a->chunk & PMT_CHUNK_NON_MAIN_ARENA)
        return REASON(BLOCK_IN_ARENA);
    const struct region *region = regions_find(&image->map, a->addr);
    if (!region || region->kind != KIND_HEAP)
        return region && !changes ? REASON(BLOCK_IN_MAPPED) : NOTHING;
    if (reaches)
        return changes ? NOTHING : REASON(BLOCK_FITS, threshold);
    const struct freed_block *before = freed_blocks_find(&image->freed, a->addr);
    if (before)
        return REASON(BLOCK_REUSES, before->size, before->t_ns);
    uint64_t left = heap_top_left(&image->heap_top, &image->map, a, image->word_size);
    return left == UINT64_MAX ? REASON(BLOCK_IN_HEAP) : REASON(BLOCK_AT_TOP, left);
}

/* Whether the block is there, as far as is known: a free of what was freed before gives nothing
 * back. */
static bool is_live(const struct image *image, uint64_t addr)
{
    return allocations_find(&image->allocations, addr) || !freed_blocks_find(&image->freed, addr);
}

struct reason reasons_block(const struct image *image, const struct event *event, unsigned changes)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    bool whole = pmt_record_size(&a->r) == sizeof *a;
    if (!image->thresholds.mmap)
        return NOTHING;
    if (a->r.call == PMT_CALL_FREE) {
        bool to_heap = a->addr && a->chunk && !(a->chunk & PMT_CHUNK_MMAPPED);
        return to_heap && is_live(image, a->addr) ? REASON(BLOCK_BACK) : NOTHING;
    }
    if (!a->addr)
        return whole && a->size ? of_failure(image, a) : NOTHING;
    if (!a->chunk)
        return NOTHING;
    const struct allocation *old =
        whole ? allocations_find(&image->allocations, a->old_addr) : NULL;
    if (old && old->t_ns <= event->began_ns)
        return of_resizing(a, old);
    return of_new_block(image, a, changes);
}
