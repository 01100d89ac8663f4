/* The blocks that the program holds. */
#pragma once

#include "schemas/record.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct allocation {
    uint64_t addr; /* 0: free place in the table */
    uint64_t size; /* bytes asked for */
    uint64_t t_ns; /* when it was made */
    uint32_t stack_id;
    uint32_t chunk; /* its chunk word; one of 4 GiB and more has all bits of the size set */
};

static inline uint32_t allocation_chunk(uint64_t chunk)
{
    bool fits = chunk <= UINT32_MAX;
    return fits ? (uint32_t)chunk : ~PMT_CHUNK_FLAGS | (uint32_t)(chunk & PMT_CHUNK_FLAGS);
}

/* Open addressing with linear probing; half of the places are free. */
struct allocations {
    struct allocation *table;
    size_t mask; /* places - 1 */
    size_t count;
    uint64_t bytes;
};

void allocations_init(struct allocations *a);
void allocations_copy(struct allocations *to, const struct allocations *from); /* inits `to` */
void allocations_free(struct allocations *a);
void allocations_add(struct allocations *a,
                     const struct allocation *block); /* replaces one at the same place */
const struct allocation *allocations_find(const struct allocations *a, uint64_t addr); /* or NULL */
/* Takes the block out; false: it is not known. */
bool allocations_take(struct allocations *a, uint64_t addr, struct allocation *out);
/* What a realloc gives back, or NULL: not what another thread has got there since it began. One
 * that gives no block has left the old one, unless it was asked for no bytes. */
const struct allocation *allocations_given_back(const struct allocations *a,
                                                const struct pmt_alloc *call, uint64_t began_ns);
