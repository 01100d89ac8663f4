/* realloc(3) and reallocarray(3). */
#include "shim/base/pool.h"
#include "shim/base/real.h"
#include "shim/hooks/heap_call.h"
#include "shim/ring/ticks.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The block may be given back inside and got by another thread before this is recorded; `began`
 * tells the reader which of the two has it. */
/* What is known before the call. Kept out of the registers, and what is done with it out of line,
 * so that libc's realloc has the room of what is needed here. */
struct before {
    enum pmt_call call;
    uintptr_t old, chunk;
    uint64_t began;
    struct call outer;
};

static __attribute__((noinline)) void over(const struct before *b, const void *block, size_t size,
                                           const struct call_frame *frame)
{
    bool failed = !block && !(size == 0 && b->old);
    struct heap_call d = {.call = b->call,
                          .block = block,
                          .size = size,
                          .old = b->old,
                          .began = b->began,
                          .error = failed ? ENOMEM : 0};
    heap_call_over(heap_call_chunk(block) | b->chunk, frame);
    heap_call_send(&d, frame);
    hook_leave(&b->outer);
}

static inline __attribute__((always_inline)) void *
reallocate(enum pmt_call call, void *old, size_t size, const struct call_frame *frame)
{
    struct before b;
    hook_enter(&b.outer, call, size, frame);
    b.call = call;
    b.old = (uintptr_t)old;
    b.began = ticks_now();
    b.chunk = heap_call_chunk(old);
    void *block = real.realloc(old, size);
    over(&b, block, size, frame);
    return block;
}

/* A block of the pool that the program got hold of: moved to the program's heap. */
static void *out_of_pool(void *old, size_t size)
{
    void *block = malloc(size);
    if (block)
        memcpy(block, old, pool_size(old) < size ? pool_size(old) : size);
    return block;
}

HOOK void *realloc(void *old, size_t size)
{
    if (unlikely(thread.busy))
        return pool_realloc(old, size);
    if (unlikely(pool_owns(old)))
        return out_of_pool(old, size);
    if (!hook_active())
        return real.realloc(old, size);
    return reallocate(PMT_CALL_REALLOC, old, size, HOOK_FRAME());
}

HOOK void *reallocarray(void *old, size_t count, size_t size)
{
    size_t product;
    bool overflow = __builtin_mul_overflow(count, size, &product);
    if (unlikely(pool_owns(old)) || thread.busy)
        return overflow ? NULL : realloc(old, product);
    if (overflow) {
        real_errno = ENOMEM;
        if (hook_active())
            heap_call_send(&(struct heap_call){.call = PMT_CALL_REALLOCARRAY,
                                               .size = SIZE_MAX,
                                               .old = (uintptr_t)old,
                                               .began = ticks_now(),
                                               .error = ENOMEM},
                           HOOK_FRAME());
        return NULL;
    }
    if (!hook_active())
        return real.realloc(old, product);
    return reallocate(PMT_CALL_REALLOCARRAY, old, product, HOOK_FRAME());
}
