/* What is not in the map any more: the last regions that went, and whose they were. */
#pragma once

#include "runner/model/changes.h"
#include "runner/model/freed.h"

struct grave {
    uint64_t lo, hi;       /* what has gone of it; hi 0: no grave */
    struct region *region; /* as it was; counted */
    uint64_t t_ns;
    struct cause cause;
    struct freed_block block; /* addr 0: none that is known */
};

#define GRAVES 256u

struct graves {
    struct grave *last; /* GRAVES of them; NULL: none yet */
    uint32_t next;
};

void graves_free(struct graves *graves);
void graves_change(struct graves *graves, const struct freed_blocks *freed,
                   const struct change *change);

/* The last one that contains the address, or NULL. */
const struct grave *graves_find(const struct graves *graves, uint64_t address);
