/* Where allocator functions begin in a traced program. */
#ifndef PMT_BREAKPOINTS_H
#define PMT_BREAKPOINTS_H

#include "schemas/record.h"
#include <stdbool.h>
#include <stddef.h>

struct breakpoint {
    uint64_t address;
    enum pmt_call call;
    uint8_t original; /* the byte in whose place the breakpoint instruction is */
};

struct breakpoints {
    struct breakpoint *items;
    size_t count;
};

/* An allocator call that a thread is in. */
struct allocator_call {
    enum pmt_call call; /* PMT_CALL_NONE: none */
    uint64_t size, old_addr, alignment, result_at;
    uint64_t began_ns;
    uint64_t sp;        /* at its entry: there is the address to return to ... */
    uint64_t return_to; /* ... really */
    uint32_t stack_id;
};

void breakpoints_free(struct breakpoints *breakpoints);

#endif
