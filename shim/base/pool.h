/* Blocks of memory for what the tracer's libraries allocate (thread.busy > 0), and for anything
 * before the real malloc is known. They are never reused; freeing one does nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In front of a block, where glibc has a multiple of 16 and three flags. */
#define POOL_MARK ((size_t)8)

/* More of it, from the shim's area. */
#define POOL_SMALL (32u << 10)
#define POOL_OF_LIBRARIES (1u << 20) /* libunwind's, to verify stacks by */
bool pool_init(size_t size);

void *pool_alloc(size_t size, size_t alignment);
void *pool_realloc(void *block, size_t size);
size_t pool_size(const void *block);

extern struct pool_range {
    uintptr_t low[2], high[2];
} pool_range;

static inline bool pool_owns(const void *block)
{
    uintptr_t at = (uintptr_t)block;
    return at - pool_range.low[0] < pool_range.high[0] - pool_range.low[0] ||
           at - pool_range.low[1] < pool_range.high[1] - pool_range.low[1];
}
