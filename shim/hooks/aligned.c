/* Aligned allocations: posix_memalign(3) and its kin. */
#include "shim/base/pool.h"
#include "shim/base/real.h"
#include "shim/hooks/heap_call.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#define PAGE_SIZE 4096u

static void allocated(enum pmt_call call, const void *block, size_t alignment, size_t size,
                      int error, const struct call_frame *frame)
{
    struct heap_call a = {
        .call = call, .block = block, .size = size, .alignment = alignment, .error = error};
    heap_call_over(heap_call_chunk(block), frame);
    heap_call_send(&a, frame);
}

static void *behind(enum pmt_call call, size_t alignment, size_t size)
{
    return call == PMT_CALL_VALLOC          ? real.valloc(size)
           : call == PMT_CALL_PVALLOC       ? real.pvalloc(size)
           : call == PMT_CALL_ALIGNED_ALLOC ? real.aligned_alloc(alignment, size)
                                            : real.memalign(alignment, size);
}

/* errno is as the program sees it. */
static void *align(enum pmt_call call, size_t alignment, size_t size,
                   const struct call_frame *frame)
{
    if (unlikely(thread.busy))
        return pool_alloc(size, alignment);
    if (!hook_active())
        return behind(call, alignment, size);
    struct call outer;
    hook_enter(&outer, call, size, frame);
    void *block = behind(call, alignment, size);
    allocated(call, block, alignment, size, block ? 0 : real_errno, frame);
    hook_leave(&outer);
    return block;
}

HOOK void *memalign(size_t alignment, size_t size)
{
    return align(PMT_CALL_MEMALIGN, alignment, size, HOOK_FRAME());
}

HOOK void *aligned_alloc(size_t alignment, size_t size)
{
    return align(PMT_CALL_ALIGNED_ALLOC, alignment, size, HOOK_FRAME());
}

HOOK int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (unlikely(thread.busy)) {
        *out = pool_alloc(size, alignment);
        return *out ? 0 : ENOMEM;
    }
    if (!hook_active())
        return real.posix_memalign(out, alignment, size);
    struct call outer;
    hook_enter(&outer, PMT_CALL_POSIX_MEMALIGN, size, HOOK_FRAME());
    int error = real.posix_memalign(out, alignment, size);
    allocated(PMT_CALL_POSIX_MEMALIGN, error ? NULL : *out, alignment, size, error, HOOK_FRAME());
    hook_leave(&outer);
    return error;
}

HOOK void *valloc(size_t size)
{
    return align(PMT_CALL_VALLOC, PAGE_SIZE, size, HOOK_FRAME());
}

HOOK void *pvalloc(size_t size)
{
    return align(PMT_CALL_PVALLOC, PAGE_SIZE, size, HOOK_FRAME());
}
