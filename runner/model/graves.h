/* What is not in the map any more: the last regions that went, and whose they were. */
#pragma once

#include "runner/model/allocations.h"
#include "runner/model/changes.h"

/* A block with pages of its own, from the call that freed it until these have gone. */
struct freed_block {
    uint64_t addr; /* 0: none */
    uint64_t size;
    uint32_t made_by, freed_by; /* stack ids */
    uint64_t t_ns;              /* of the free */
};

struct grave {
    uint64_t lo, hi;       /* what has gone of it; hi 0: no grave */
    struct region *region; /* as it was; counted */
    uint64_t t_ns;
    struct cause cause;
    struct freed_block block; /* addr 0: none that is known */
};

#define GRAVES 256u
#define GRAVES_BLOCKS 16u

struct graves {
    struct grave *last; /* GRAVES of them; NULL: none yet */
    uint32_t next;
    struct freed_block freed[GRAVES_BLOCKS];
    uint32_t next_freed;
};

void graves_free(struct graves *graves);
void graves_block(struct graves *graves, const struct allocation *block, uint32_t freed_by,
                  uint64_t t_ns);
void graves_change(struct graves *graves, const struct change *change);

/* The last one that contains the address, or NULL. */
const struct grave *graves_find(const struct graves *graves, uint64_t address);
