/* What all allocator functions share: glibc's chunks, and the whole record of a call. */
#pragma once

#include "schemas/glibc.h"
#include "shim/hooks/hook.h"

static inline uintptr_t heap_call_word(const void *block)
{
    return *(const uintptr_t *)(uintptr_t)glibc_chunk_at((uintptr_t)block, sizeof(long));
}

/* The same at the start of a page; 0 if the page before cannot be read. */
HIDDEN uintptr_t heap_call_word_before_page(const void *block);

/* The same of a block that malloc has given just now: malloc takes blocks of its lists without a
 * look at them, and whoever overwrites a list (heap exploitation) gets the start of a region, too,
 * with nothing in front of it. */
static inline uintptr_t heap_call_new_word(const void *block)
{
    return unlikely(!((uintptr_t)block & 4095)) ? heap_call_word_before_page(block)
                                                : heap_call_word(block);
}

static inline uintptr_t heap_call_chunk(const void *block)
{
    return likely(process.glibc_malloc) && block ? heap_call_new_word(block) : 0;
}

struct heap_call {
    enum pmt_call call;
    const void *block;
    uint64_t size;
    uintptr_t old;
    size_t alignment;
    uint64_t began;
    int error;
};

HIDDEN void heap_call_send(const struct heap_call *a, const struct call_frame *frame);

/* Where system calls are not seen: what glibc's malloc does to the map shows in the program break,
 * and in the chunk's flags. Of other allocators nothing is known. */
HIDDEN void heap_call_look(uintptr_t chunk, const struct call_frame *frame);

/* After a call that may have made ld.so's work visible: it allocates for the libraries that it
 * loads. `chunk`: of the block that the call was about. */
static inline void heap_call_over(uintptr_t chunk, const struct call_frame *frame)
{
    if (likely(process.sees_loader))
        return;
    if (unlikely(state_loader_owns(frame->caller)))
        attention_loader_ran();
    else if (unlikely(!process.sees_kernel))
        heap_call_look(chunk, frame);
}
