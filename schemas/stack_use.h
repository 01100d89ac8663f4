/* The record of who uses a stack that has grown. */
#pragma once

#include "schemas/record.h"

/* Of the main thread, at the moment of the look that follows. Looked at are the calls that are not
 * over, from the innermost one out, as long as their frames reach below the region as it was
 * before. Told is the place in the code whose frames are the largest together; a frame reaches from
 * where that of the function called begins to its own begin. */
struct pmt_stack_use {
    struct pmt_record r; /* stack_id: just the return address into the function; 0: not known */
    uint64_t sp;         /* the stack pointer of the innermost call */
    uint64_t limit;      /* RLIMIT_STACK in bytes; 0: none */
    uint64_t bytes;      /* of its frames together */
    uint64_t each;       /* of each; 0: they differ */
    uint64_t calls;      /* so many frames */
};

_Static_assert(sizeof(struct pmt_stack_use) == 24 + 40, "stack_use record");
