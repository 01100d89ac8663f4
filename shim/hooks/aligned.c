/* Aligned allocations: posix_memalign(3) and its kin. */
#include "shim/base/pool.h"
#include "shim/base/real.h"
#include "shim/hooks/heap_call.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

static void allocated(enum pmt_call call, const void *block, size_t alignment, size_t size,
                      int error, const struct call_frame *frame)
{
    struct heap_call a = {
        .call = call, .block = block, .size = size, .alignment = alignment, .error = error};
    heap_call_over(heap_call_chunk(block), frame);
    heap_call_send(&a, frame);
}

/* What is behind is known only after hook_active(). errno is as the program sees it. */
static void *align(enum pmt_call call, size_t alignment, size_t size,
                   void *(*const *behind)(size_t, size_t), const struct call_frame *frame)
{
    if (unlikely(thread.busy))
        return pool_alloc(size, alignment);
    if (!hook_active())
        return (*behind)(alignment, size);
    struct call outer;
    hook_enter(&outer, call, size, frame);
    void *block = (*behind)(alignment, size);
    allocated(call, block, alignment, size, block ? 0 : real_errno, frame);
    hook_leave(&outer);
    return block;
}

HOOK void *memalign(size_t alignment, size_t size)
{
    return align(PMT_CALL_MEMALIGN, alignment, size, &real.memalign, HOOK_FRAME());
}

HOOK void *aligned_alloc(size_t alignment, size_t size)
{
    return align(PMT_CALL_ALIGNED_ALLOC, alignment, size, &real.aligned_alloc, HOOK_FRAME());
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

static void *align_to_page(enum pmt_call call, size_t size, void *(*const *behind)(size_t),
                           const struct call_frame *frame)
{
    if (unlikely(thread.busy))
        return pool_alloc(size, 4096);
    if (!hook_active())
        return (*behind)(size);
    struct call outer;
    hook_enter(&outer, call, size, frame);
    void *block = (*behind)(size);
    allocated(call, block, live->page_size, size, block ? 0 : real_errno, frame);
    hook_leave(&outer);
    return block;
}

HOOK void *valloc(size_t size)
{
    return align_to_page(PMT_CALL_VALLOC, size, &real.valloc, HOOK_FRAME());
}

HOOK void *pvalloc(size_t size)
{
    return align_to_page(PMT_CALL_PVALLOC, size, &real.pvalloc, HOOK_FRAME());
}
