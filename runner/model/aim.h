/* What an address is one of: a region, and in it a block of malloc. */
#pragma once

#include "runner/model/image.h"

struct aim {
    const struct region *region;     /* NULL: nothing is mapped there */
    const struct allocation *block;  /* that contains it, or NULL */
    const struct freed_block *freed; /* without one: the block that began there and was freed */
    const char *function;            /* that it is code of, or NULL */
};

struct aim aim_at(struct image *image, uint64_t address);

/* The last block that begins at or below the address, in the region; or NULL. */
const struct allocation *aim_block_below(const struct image *image, const struct region *region,
                                         uint64_t address);
