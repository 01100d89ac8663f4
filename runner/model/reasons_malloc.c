#include "runner/model/reasons_malloc.h"
#include "runner/model/own_region.h"
#include "schemas/glibc.h"
#include <sys/mman.h>

#define REASON(name, ...) ((struct reason){REASON_##name, {__VA_ARGS__}})

static bool is_of_heap(const struct change *ch)
{
    return change_region(ch)->kind == KIND_HEAP;
}

/* malloc/malloc.c, sysmalloc(): "Adjust end to page boundary": a second brk(2) in the same call. */
static bool is_alignment(const struct image *image, const struct cause *c)
{
    uint64_t page = image->page_size, end = (uint64_t)c->result;
    return c->made.old_brk && end % page == 0 && end - c->old_brk <= page + GLIBC_ALIGNMENT;
}

/* The first block of the heap, of which all has been seen. */
static bool is_first(const struct image *image, const struct change *ch)
{
    uint64_t calls = image->ledger.allocations + image->ledger.frees;
    return ch->type == CHANGE_ADDED ||
           (calls <= 1 && image->heap_top.came && image->origin != PMT_ORIGIN_FORK);
}

/* A call for aligned memory asks for more than its size. */
static struct reason of_first(const struct image *image, const struct change *ch)
{
    const struct cause *c = &ch->cause;
    bool plain = c->code == PMT_CALL_MALLOC || c->code == PMT_CALL_CALLOC;
    uint64_t block = glibc_request(c->size, image->word_size);
    uint64_t spare = (uint64_t)ch->delta > block ? (uint64_t)ch->delta - block : 0;
    return plain && spare >= image->page_size ? REASON(HEAP_FIRST, spare) : REASON(HEAP_FIRST_BARE);
}

/* The break has moved, or what lies below it has in a call whose system calls are not seen. */
static struct reason of_heap(const struct image *image, const struct change *ch)
{
    const struct cause *c = &ch->cause;
    bool up = c->kernel ? (uint64_t)c->result > c->old_brk : ch->delta > 0;
    if (!up)
        return REASON(HEAP_TRIMMED, ch->thresholds.trim);
    if (c->kernel && is_alignment(image, c))
        return REASON(HEAP_ALIGNED);
    return is_first(image, ch) ? of_first(image, ch) : REASON(HEAP_GROWN);
}

/* malloc/malloc.c, sysmalloc_mmap(): what is mapped begins with the block. */
static bool is_mapped_block(const struct change *ch)
{
    const struct cause *c = &ch->cause;
    uint64_t start = c->kernel ? (uint64_t)c->result : change_region(ch)->raw.start;
    uint64_t end = c->kernel ? start + c->args[1] : change_region(ch)->raw.end;
    return c->chunk & PMT_CHUNK_MMAPPED && start < c->addr && c->addr < end;
}

static bool holds(uint64_t start, uint64_t length, uint64_t address)
{
    return start <= address && address - start < length;
}

/* malloc/malloc.c, sysmalloc_mmap_fallback(): the break could not be moved. */
static bool is_in_place_of_heap(const struct cause *c)
{
    return c->kernel && c->made.brk_refused && c->args[2] == (PROT_READ | PROT_WRITE) &&
           !(c->chunk & PMT_CHUNK_MMAPPED) && holds((uint64_t)c->result, c->args[1], c->addr);
}

static struct reason of_mmap(const struct image *image, const struct change *ch)
{
    const struct cause *c = &ch->cause;
    uint64_t heap_max = glibc_heap_max(image->mmap_threshold_max);
    bool closed = c->kernel && c->args[2] == PROT_NONE;
    if (closed && c->args[3] & MAP_FIXED && change_region(ch)->kind == KIND_MALLOC_ARENA)
        return REASON(ARENA_SHRUNK);
    if (closed && (c->args[1] == heap_max || c->args[1] == 2 * heap_max))
        return REASON(ARENA_RESERVED, heap_max);
    if (is_mapped_block(ch) && glibc_request(c->size, image->word_size) >= ch->thresholds.mmap)
        return REASON(MMAP_THRESHOLD, c->size, ch->thresholds.mmap);
    if (is_in_place_of_heap(c))
        return REASON(HEAP_BY_MMAP);
    if (own_region_is_message(c))
        return REASON(ABORT_MESSAGE);
    return ch->delta < 0 ? REASON(MALLOC_LESS) : REASON(MALLOC_MORE);
}

static struct reason of_munmap(const struct image *image, const struct change *ch)
{
    const struct cause *c = &ch->cause;
    uint64_t heap_max = glibc_heap_max(image->mmap_threshold_max);
    uint64_t block = c->code == PMT_CALL_FREE ? c->addr : c->old_addr;
    if (c->made.reserved <= c->args[0] && c->args[0] < c->made.reserved_end)
        return REASON(ARENA_CUT, heap_max);
    if (c->args[1] == heap_max && c->args[0] % heap_max == 0)
        return REASON(ARENA_REMOVED);
    bool mapped = c->code != PMT_CALL_FREE || c->chunk & PMT_CHUNK_MMAPPED;
    if (block && mapped && holds(c->args[0], c->args[1], block))
        return REASON(BLOCK_UNMAPPED);
    return REASON(MALLOC_LESS);
}

/* malloc/malloc.c, mremap_chunk(). */
static struct reason of_mremap(const struct change *ch)
{
    const struct cause *c = &ch->cause;
    if (!c->old_addr || !holds(c->args[0], c->args[1], c->old_addr))
        return REASON(MALLOC_OTHER);
    return (uint64_t)c->result == c->args[0] ? REASON(BLOCK_RESIZED) : REASON(BLOCK_MOVED);
}

/* malloc/arena.c: new_heap() opens the first pages of a heap, grow_heap() further ones. */
static struct reason of_mprotect(const struct image *image, const struct change *ch)
{
    const struct cause *c = &ch->cause;
    uint64_t heap_max = glibc_heap_max(image->mmap_threshold_max);
    if (change_region(ch)->kind != KIND_MALLOC_ARENA || !(c->args[2] & PROT_WRITE))
        return REASON(MALLOC_OTHER);
    return c->args[0] % heap_max ? REASON(ARENA_GROWN) : REASON(ARENA_OPENED, heap_max);
}

/* Only that the call did it is known. */
static struct reason of_call(const struct image *image, const struct change *ch)
{
    const struct cause *c = &ch->cause;
    bool mapped_now = ch->type == CHANGE_ADDED || ch->type == CHANGE_GROWN;
    if (mapped_now && is_mapped_block(ch) &&
        glibc_request(c->size, image->word_size) >= ch->thresholds.mmap)
        return REASON(MMAP_THRESHOLD, c->size, ch->thresholds.mmap);
    if (c->code == PMT_CALL_FREE && c->chunk & PMT_CHUNK_MMAPPED && ch->type == CHANGE_REMOVED &&
        holds(ch->before->raw.start, region_size(ch->before), c->addr))
        return REASON(BLOCK_UNMAPPED);
    return ch->delta < 0   ? REASON(MALLOC_LESS)
           : ch->delta > 0 ? REASON(MALLOC_MORE)
                           : REASON(MALLOC_OTHER);
}

static struct reason of_glibc(const struct image *image, const struct change *ch)
{
    switch (ch->cause.kernel) {
    case PMT_CALL_BRK:
        return of_heap(image, ch);
    case PMT_CALL_MMAP:
    case PMT_CALL_MMAP2:
        return of_mmap(image, ch);
    case PMT_CALL_MUNMAP:
        return of_munmap(image, ch);
    case PMT_CALL_MREMAP:
        return of_mremap(ch);
    case PMT_CALL_MPROTECT:
        return of_mprotect(image, ch);
    case PMT_CALL_NONE:
        return is_of_heap(ch) ? of_heap(image, ch) : of_call(image, ch);
    default:
        return REASON(MALLOC_OTHER);
    }
}

struct reason reasons_malloc(const struct image *image, const struct change *ch)
{
    if (image->thresholds.mmap)
        return of_glibc(image, ch);
    return ch->delta < 0   ? REASON(ALLOCATOR_LESS)
           : ch->delta > 0 ? REASON(ALLOCATOR_MORE)
                           : REASON(ALLOCATOR_OTHER);
}
