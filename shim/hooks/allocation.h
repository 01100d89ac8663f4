/* What all allocator functions share: glibc's chunks, and the whole record of a call. */
#ifndef PMT_ALLOCATION_H
#define PMT_ALLOCATION_H

#include "shim/hooks/hook.h"

/* glibc, malloc/malloc.c, struct malloc_chunk: the word before the block is the size of the chunk
 * and three flags. */
static inline uintptr_t allocation_word(const void *block)
{
    return ((const uintptr_t *)block)[-1];
}

static inline uintptr_t allocation_chunk(const void *block)
{
    return likely(process.glibc_malloc) && block ? allocation_word(block) : 0;
}

struct allocation {
    enum pmt_call call;
    const void *block;
    uint64_t size;
    uintptr_t old;
    size_t alignment;
    uint64_t began;
    int error;
};

HIDDEN void allocation_send(const struct allocation *a, const struct frame *frame);

/* Where system calls are not seen: what glibc's malloc does to the map shows in the program break,
 * and in the chunk's flags. Of other allocators nothing is known. */
HIDDEN void allocation_look(uintptr_t chunk, const struct frame *frame);

/* After a call that may have made ld.so's work visible: it allocates for the libraries that it
 * loads. `chunk`: of the block that the call was about. */
static inline void allocation_after_call(uintptr_t chunk, const struct frame *frame)
{
    if (unlikely(state_loader_owns(frame->caller)))
        attention_loader_ran();
    else if (unlikely(!process.sees_kernel))
        allocation_look(chunk, frame);
}

#endif
