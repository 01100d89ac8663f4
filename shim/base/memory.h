/* The shim's own memory. It is never the program's heap, and never private anonymous memory, which
 * the kernel would merge with the program's neighbouring regions: it is a memfd, whose name shows
 * the owner. */
#ifndef PMT_MEMORY_H
#define PMT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_NAME "procmap-trace-private"

bool memory_init(void);

/* The .bss of a shared library of ours, which is mapped at `library`, is private anonymous memory:
 * a flag that the program's regions do not have keeps the kernel from merging the two. */
void memory_set_apart(const void *library);

/* Zeroed, page-aligned, never given back. NULL when there is no more. */
void *memory_private(size_t size);
size_t memory_left(void); /* for memory_private() */

/* For what the tracer's libraries allocate (thread.busy > 0), and for anything before the real
 * malloc is known. Blocks are never reused; freeing one does nothing. */
#define POOL_MARK                                                                                  \
    ((size_t)8) /* in front of a block, where glibc has a multiple of 16 and three flags */
void *pool_alloc(size_t size, size_t alignment);
void *pool_realloc(void *block, size_t size);
size_t pool_size(const void *block);

/* Whether memory_private() gave it. */
bool memory_owns(const void *address);

extern struct pool_range {
    uintptr_t low[2], high[2];
} pool_range;

static inline bool pool_owns(const void *block)
{
    uintptr_t at = (uintptr_t)block;
    return at - pool_range.low[0] < pool_range.high[0] - pool_range.low[0] ||
           at - pool_range.low[1] < pool_range.high[1] - pool_range.low[1];
}

#endif
