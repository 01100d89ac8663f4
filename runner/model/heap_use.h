/* What of glibc's heap the program uses, and what keeps its end where it is. */
#pragma once

#include "runner/model/image.h"

struct heap_use {
    uint64_t bytes;                /* of the heap */
    uint64_t blocks, used;         /* in it, and the bytes of their chunks */
    const struct allocation *last; /* the block with the highest address; NULL: there is none */
    uint64_t behind;               /* bytes behind it, which are free; all, if there is none */
};

/* False: nothing can be said of it. */
bool heap_use_of(const struct image *image, struct heap_use *out);

/* Whether free(3) would lower the end of the heap if the last block were not there:
 * malloc/malloc.c, _int_free() and systrim(). */
bool heap_use_is_pinned(const struct image *image, const struct heap_use *use);
