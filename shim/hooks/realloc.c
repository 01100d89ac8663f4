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
static void *reallocate(enum pmt_call call, void *old, size_t size, const struct call_frame *frame)
{
    struct call outer;
    hook_enter(&outer, call, size, frame);
    struct heap_call d = {.call = call, .size = size, .old = (uintptr_t)old, .began = ticks_now()};
    uintptr_t chunk = heap_call_chunk(old);
    void *block = real.realloc(old, size);
    d.block = block;
    if (!block && !(size == 0 && old))
        d.error = ENOMEM;
    heap_call_over(heap_call_chunk(block) | chunk, frame);
    heap_call_send(&d, frame);
    hook_leave(&outer);
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
