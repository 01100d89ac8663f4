/* Whether a block of malloc has a region of its own: how glibc decides, and how it shows. */
#pragma once

#include "runner/model/image.h"

/* Whether a block of `size` bytes reaches the mmap threshold. */
bool own_region_is_due(const struct image *image, uint64_t size);

/* Whether free maps memory for the message that ends the program: for itself it never maps so
 * little (malloc/malloc.c, MMAP_AS_MORECORE_SIZE; malloc/arena.c, new_heap()). */
bool own_region_is_message(const struct cause *cause);

/* The kind of a region that an allocator call has made: one block's own, or a part of an arena. */
enum kind own_region_kind(const struct image *image, const struct region *r,
                          const struct cause *cause);
