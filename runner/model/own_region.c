#include "runner/model/own_region.h"
#include "schemas/glibc.h"
#include <sys/mman.h>

bool own_region_is_due(const struct image *image, uint64_t size)
{
    return glibc_request(size, image->word_size) >= image->thresholds.mmap;
}

/* Where only the call is known, not how it mapped the memory. An arena is seen when a part of it is
 * usable already: what is reserved lies right above. */
static enum kind kind_by_call(const struct image *image, const struct region *r,
                              const struct cause *cause)
{
    const struct region *above = regions_find(&image->map, r->raw.end);
    bool reserved = region_is_closed(r) || (above && region_is_closed(above) && !above->path[0]);
    bool large = own_region_is_due(image, cause->size);
    return reserved ? KIND_MALLOC_ARENA : large ? KIND_MALLOC_MMAP : KIND_ANONYMOUS;
}

bool own_region_is_message(const struct cause *cause)
{
    const uint64_t least_for_malloc = 1u << 20;
    return cause->code == PMT_CALL_FREE && cause_maps(cause) &&
           cause->args[2] == (PROT_READ | PROT_WRITE) && cause->args[1] < least_for_malloc;
}

/* The arena of a thread is reserved without permissions, then opened up bit by bit (glibc,
 * malloc/arena.c, new_heap()); a large block is readable and writable at once. */
enum kind own_region_kind(const struct image *image, const struct region *r,
                          const struct cause *cause)
{
    if (cause->kind == CAUSE_CALL)
        return kind_by_call(image, r, cause);
    if (!cause_maps(cause) || own_region_is_message(cause))
        return KIND_ANONYMOUS;
    return r->raw.perms & PMT_PERM_READ ? KIND_MALLOC_MMAP : KIND_MALLOC_ARENA;
}
