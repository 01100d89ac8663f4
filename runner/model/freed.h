/* The blocks that were freed last. */
#pragma once

#include "runner/model/allocations.h"

struct freed_block {
    uint64_t addr; /* 0: none */
    uint64_t size;
    uint32_t made_by, freed_by; /* stack ids */
    uint64_t t_ns;              /* of the free */
};

struct freed_blocks {
    struct freed_block *table; /* one for each hash of an address; NULL: none yet */
};

void freed_blocks_free(struct freed_blocks *freed);
void freed_blocks_add(struct freed_blocks *freed, const struct allocation *block, uint32_t freed_by,
                      uint64_t t_ns);

/* The last one that began at the address, or NULL: there was none, or so many others were freed
 * since that it is forgotten. Another block may be there now. */
const struct freed_block *freed_blocks_find(const struct freed_blocks *freed, uint64_t addr);
