/* What the allocator's calls came to, by the call stack that they were made with: for views that
 * tell sums. An image has it where one of these wants it. */
#pragma once

#include "runner/model/allocations.h"

struct caller_sum {
    uint64_t bytes; /* asked for */
    uint32_t calls, changes;
};

enum callers_place { CALLERS_HEAP, CALLERS_MMAP, CALLERS_ARENA, CALLERS_PLACES };

struct callers {
    struct caller_sum *items; /* by stack id: sparse */
    size_t room;
    uint64_t placed[CALLERS_PLACES]; /* blocks of glibc's malloc */
    uint64_t most, most_ns;          /* bytes in live blocks, when there were most */
    uint32_t most_stack;
};

struct callers *callers_new(void);
void callers_free(struct callers *callers); /* may be NULL */

struct caller_sum *callers_sum(struct callers *callers, uint32_t stack_id);
/* A new block; `live`: bytes in all that there are now. */
void callers_block(struct callers *callers, const struct allocation *block, uint64_t live);
