/* malloc(3), calloc(3) and free(3), as the program and its libraries call them. */
#include "shim/base/pool.h"
#include "shim/base/real.h"
#include "shim/hooks/heap_call.h"
#include "shim/ring/emit.h"
#include "shim/stacks/stack_id.h"
#include <errno.h>

/* A record of malloc, calloc or free; all but the sizes of the numbers is known when it is
 * compiled. */
static inline __attribute__((always_inline)) void send_short(enum pmt_call call, uintptr_t block,
                                                             uintptr_t size, uint32_t bytes,
                                                             const struct call_frame *frame)
{
    uint32_t stack_id = stack_id_of_frame(frame);
    struct emit e = emit_begin(bytes);
    struct pmt_alloc *a = e.record;
    if (unlikely(!a))
        return;
    emit_header(&e, PMT_RECORD_ALLOC, (uint8_t)call, stack_id, ticks_of_call());
    a->addr = block;
    a->chunk = heap_call_chunk((const void *)block);
    if (bytes > PMT_ALLOC_FREE_SIZE)
        a->size = size;
    emit_end(&e);
}

static __attribute__((noinline, cold)) void send_failed(enum pmt_call call, size_t size,
                                                        const struct call_frame *frame)
{
    heap_call_send(&(struct heap_call){.call = call, .size = size, .error = ENOMEM}, frame);
}

/* The stack's id if there is nothing to do but the call and a short record; else 0. */
static inline __attribute__((always_inline)) uint32_t plain_call(const struct live_page *l,
                                                                 const struct call_frame *frame)
{
    bool plain = l->fast && !(thread.busy | thread.loader_ran | thread.call.call) &&
                 (uintptr_t)frame >= thread.stack_low;
    return likely(plain) ? stack_id_known(l, frame) : 0;
}

#ifdef __i386__
typedef struct pmt_call32 compact;
#define COMPACT_TYPE PMT_RECORD_CALL32
#define COMPACT_MALLOC PMT_CALL32_MALLOC_SIZE
#define COMPACT_FREE PMT_CALL32_FREE_SIZE
#define COMPACT_MOST SIZE_MAX
#else
typedef struct pmt_call64 compact;
#define COMPACT_TYPE PMT_RECORD_CALL64
#define COMPACT_MALLOC PMT_CALL64_SIZE
#define COMPACT_FREE PMT_CALL64_SIZE
#define COMPACT_MOST 0xffff0000u /* the chunk is a little larger, and fits in 32 bits, too */
#endif

static inline __attribute__((always_inline)) uintptr_t word_of(enum pmt_call call, uintptr_t block)
{
    const void *b = (const void *)block;
    return call == PMT_CALL_FREE ? heap_call_word(b) : heap_call_new_word(b);
}

static inline __attribute__((always_inline)) void fill_compact(compact *c, enum pmt_call call,
                                                               uintptr_t block, uintptr_t size,
                                                               uint32_t stack_id, uint32_t bytes)
{
    c->units = (uint16_t)(bytes / PMT_RECORD_ALIGN);
    c->type = COMPACT_TYPE;
    c->call = (uint8_t)call;
    c->stack_id = stack_id;
    c->addr = block;
    c->chunk = (uint32_t)word_of(call, block);
    if (bytes > PMT_CALL32_FREE_SIZE)
        c->size = (uint32_t)size;
}

/* The ring is full: `position` is reserved, but must be waited for. */
static __attribute__((noinline, cold)) void send_compact_late(uint32_t position, enum pmt_call call,
                                                              uintptr_t block, uintptr_t size,
                                                              uint32_t stack_id, uint32_t bytes)
{
    struct emit e = emit_begin_slow(bytes, position, true);
    compact *c = e.record;
    if (!c)
        return;
    fill_compact(c, call, block, size, stack_id, bytes);
    c->time = ticks_compact(live, 0);
    __atomic_store_n(&c->stamp, e.stamp, __ATOMIC_RELEASE);
}

/* Between several threads times tell which of two calls was first, so there they are exact. */
static __attribute__((noinline)) void send_whole(enum pmt_call call, uintptr_t block,
                                                 uintptr_t size, uint32_t stack_id)
{
    bool frees = call == PMT_CALL_FREE;
    struct emit e = emit_begin(frees ? PMT_ALLOC_FREE_SIZE : PMT_ALLOC_MALLOC_SIZE);
    struct pmt_alloc *a = e.record;
    if (unlikely(!a))
        return;
    emit_header(&e, PMT_RECORD_ALLOC, (uint8_t)call, stack_id, ticks_now());
    a->addr = block;
    a->chunk = word_of(call, block);
    if (!frees)
        a->size = size;
    emit_end(&e);
}

/* What emit_begin() and emit_end() do, for plain_call() has seen to the rest. */
static inline __attribute__((always_inline)) void send_compact(struct live_page *l,
                                                               enum pmt_call call, uintptr_t block,
                                                               uintptr_t size, uint32_t stack_id,
                                                               uint32_t bytes)
{
    if (unlikely(!*l->alone))
        return send_whole(call, block, size, stack_id);
    uint32_t position = emit_reserve_alone(&l->ring->head, bytes);
    if (unlikely((int32_t)(l->limit - position - bytes) < 0))
        return send_compact_late(position, call, block, size, stack_id, bytes);
    compact *c = (void *)(l->data + (position & (PMT_RING_CAPACITY - 1)));
    fill_compact(c, call, block, size, stack_id, bytes);
    c->time = ticks_compact(l, position);
    __atomic_store_n(&c->stamp, position ^ l->cookie, __ATOMIC_RELEASE);
}

/* malloc and calloc. Out of line, so that libc's malloc has the room of what is needed here. */
static __attribute__((noinline)) void allocated(enum pmt_call call, const void *block, size_t size,
                                                const struct call_frame *frame)
{
    heap_call_over(heap_call_chunk(block), frame);
    if (likely(block))
        return send_short(call, (uintptr_t)block, size, PMT_ALLOC_MALLOC_SIZE, frame);
    send_failed(call, size, frame);
}

static __attribute__((noinline)) void *malloc_in_general(size_t size,
                                                         const struct call_frame *frame)
{
    if (unlikely(thread.busy))
        return pool_alloc(size, 0);
    if (!hook_active())
        return real.malloc(size);
    struct call outer;
    hook_enter(&outer, PMT_CALL_MALLOC, size, frame);
    void *block = real.malloc(size);
    allocated(PMT_CALL_MALLOC, block, size, frame);
    hook_leave(&outer);
    return block;
}

/* Nearly every malloc and free comes this way. */
HOOK void *malloc(size_t size)
{
    struct live_page *l = live;
    const struct call_frame *frame = HOOK_FRAME();
    uint32_t stack_id = plain_call(l, frame);
    if (unlikely(!stack_id) || unlikely(size > COMPACT_MOST))
        return malloc_in_general(size, frame);
    hook_mark(PMT_CALL_MALLOC, size, frame);
    void *block = real.malloc(size);
    if (likely(block))
        send_compact(l, PMT_CALL_MALLOC, (uintptr_t)block, size, stack_id, COMPACT_MALLOC);
    else
        send_failed(PMT_CALL_MALLOC, size, frame);
    thread.call.call = PMT_CALL_NONE;
    return block;
}

HOOK void *calloc(size_t count, size_t size)
{
    size_t product;
    bool overflow = __builtin_mul_overflow(count, size, &product);
    if (unlikely(thread.busy))
        return overflow ? NULL : pool_alloc(product, 0);
    if (!hook_active())
        return real.calloc(count, size);
    struct call outer;
    hook_enter(&outer, PMT_CALL_CALLOC, overflow ? SIZE_MAX : product, HOOK_FRAME());
    void *block = real.calloc(count, size);
    allocated(PMT_CALL_CALLOC, block, overflow ? SIZE_MAX : product, HOOK_FRAME());
    hook_leave(&outer);
    return block;
}

/* Recorded before the block is given back: another thread may get it at once. */
static __attribute__((noinline)) void free_in_general(void *block, const struct call_frame *frame)
{
    if (unlikely(pool_owns(block)))
        return;
    if (unlikely(thread.busy) || !block || !hook_active())
        return real.free ? real.free(block) : (void)0;
    struct call outer;
    hook_enter(&outer, PMT_CALL_FREE, 0, frame);
    uintptr_t chunk = heap_call_chunk(block);
    send_short(PMT_CALL_FREE, (uintptr_t)block, 0, PMT_ALLOC_FREE_SIZE, frame);
    real.free(block);
    heap_call_over(chunk, frame);
    hook_leave(&outer);
}

HOOK void free(void *block)
{
    struct live_page *l = live;
    const struct call_frame *frame = HOOK_FRAME();
    uint32_t stack_id = block ? plain_call(l, frame) : 0;
    if (unlikely(!stack_id) || unlikely(heap_call_word(block) & POOL_MARK) ||
        unlikely(heap_call_word(block) > COMPACT_MOST))
        return free_in_general(block, frame);
    hook_mark(PMT_CALL_FREE, 0, frame);
    send_compact(l, PMT_CALL_FREE, (uintptr_t)block, 0, stack_id, COMPACT_FREE);
    real.free(block);
    thread.call.call = PMT_CALL_NONE;
}

HOOK size_t malloc_usable_size(void *block)
{
    if (unlikely(pool_owns(block)))
        return pool_size(block);
    hook_active();
    return real.malloc_usable_size ? real.malloc_usable_size(block) : 0;
}
