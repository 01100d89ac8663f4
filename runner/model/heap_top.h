/* The free end of glibc's heap, the "top" of malloc/malloc.c: it begins behind the highest block
 * that there ever was, or below. */
#pragma once

#include "runner/model/changes.h"
#include "schemas/glibc.h"

struct heap_top {
    uint64_t highest; /* behind the highest chunk since the heap was last that small */
    bool came;        /* it was seen to come */
    bool known;       /* every block of the heap was seen, and nothing else lies in it */
};

/* A block is where its record says. */
static inline void heap_top_note(struct heap_top *top, uint64_t block, uint64_t chunk,
                                 unsigned word_size)
{
    uint64_t end = glibc_chunk_at(block, word_size) + glibc_chunk_size(chunk);
    bool elsewhere = chunk & (PMT_CHUNK_MMAPPED | PMT_CHUNK_NON_MAIN_ARENA);
    if (end > top->highest && !elsewhere)
        top->highest = end;
}

/* What a change says of it: before it is delivered. `first`: no allocator call was before its
 * own. */
void heap_top_change(struct heap_top *top, const struct change *change, bool first);

/* Bytes that are free behind a new block, if it was cut off the free end, else UINT64_MAX. */
uint64_t heap_top_left(const struct heap_top *top, const struct regions *map,
                       const struct pmt_alloc *a, unsigned word_size);
