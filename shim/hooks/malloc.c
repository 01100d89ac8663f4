#include "shim/hooks/malloc.h"
#include "shim/base/memory.h"
#include "shim/hooks/hook.h"
#include "shim/looks/loader.h"
#include "shim/ring/emit.h"
#include "shim/stacks/stacks.h"
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    void *(*memalign)(size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    size_t (*malloc_usable_size)(void *);
    int (*mallopt)(int, int);
    void **curbrk; /* glibc: the program break as sbrk(2) last left it */
} real;

void hooks_malloc_resolve(void)
{
    real.malloc = dlsym(RTLD_NEXT, "malloc");
    real.calloc = dlsym(RTLD_NEXT, "calloc");
    real.realloc = dlsym(RTLD_NEXT, "realloc");
    real.free = dlsym(RTLD_NEXT, "free");
    real.memalign = dlsym(RTLD_NEXT, "memalign");
    real.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    real.posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    real.valloc = dlsym(RTLD_NEXT, "valloc");
    real.pvalloc = dlsym(RTLD_NEXT, "pvalloc");
    real.malloc_usable_size = dlsym(RTLD_NEXT, "malloc_usable_size");
    real.mallopt = dlsym(RTLD_NEXT, "mallopt");
    real.curbrk = dlsym(RTLD_NEXT, "__curbrk");
}

/* In a program at a fixed address that takes malloc's address, that of its own jump to malloc is
 * malloc's for everybody: a symbol with a value, and undefined nevertheless. */
static bool is_jump(const void *address)
{
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    return dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol &&
           symbol->st_shndx == SHN_UNDEF;
}

bool hooks_malloc_are_used(void)
{
    const void *first = dlsym(RTLD_DEFAULT, "malloc");
    return process_owns_code((uintptr_t)first) || (first && is_jump(first));
}

bool hooks_malloc_is_glibc(void)
{
    Dl_info allocator, libc;
    void *version = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
    return hooks_malloc_are_used() && version && dladdr(version, &libc) &&
           dladdr((void *)real.malloc, &allocator) && libc.dli_fbase == allocator.dli_fbase;
}

/* glibc, malloc/malloc.c, struct malloc_chunk: the word before the block is the size of the chunk
 * and three flags. */
static inline uintptr_t chunk_word(const void *block)
{
    return ((const uintptr_t *)block)[-1];
}

static inline uintptr_t chunk_of(const void *block)
{
    return likely(process.glibc_malloc) && block ? chunk_word(block) : 0;
}

/* A record of malloc, calloc or free; all but the sizes of the numbers is known when it is
 * compiled. */
static inline __attribute__((always_inline)) void send_short(enum pmt_call call, uintptr_t block,
                                                             uintptr_t size, uint32_t bytes,
                                                             const struct frame *frame)
{
    uint32_t stack_id = stacks_of_frame(frame);
    struct emit e = emit_begin(bytes);
    struct pmt_alloc *a = e.record;
    if (unlikely(!a))
        return;
    emit_header(&e, PMT_RECORD_ALLOC, (uint8_t)call, stack_id, clock_of_call());
    a->addr = block;
    a->chunk = chunk_of((const void *)block);
    if (bytes > PMT_ALLOC_FREE_SIZE)
        a->size = size;
    emit_end(&e);
}

struct details {
    enum pmt_call call;
    const void *block;
    uint64_t size;
    uintptr_t old;
    size_t alignment;
    uint64_t began;
    int error;
};

static __attribute__((noinline)) void send_long(const struct details *d, const struct frame *frame)
{
    uint32_t stack_id = stacks_of_frame(frame);
    struct emit e = emit_begin(sizeof(struct pmt_alloc));
    struct pmt_alloc *a = e.record;
    if (!a)
        return;
    emit_header(&e, PMT_RECORD_ALLOC, (uint8_t)d->call, stack_id, clock_now());
    a->addr = (uintptr_t)d->block;
    a->chunk = chunk_of(d->block);
    a->size = d->size;
    a->old_addr = d->old;
    a->alignment = d->alignment;
    a->began = d->began;
    a->error = (uint32_t)d->error;
    a->pad = 0;
    emit_end(&e);
}

static __attribute__((noinline, cold)) void send_failed(enum pmt_call call, size_t size,
                                                        const struct frame *frame)
{
    send_long(&(struct details){.call = call, .size = size, .error = ENOMEM}, frame);
}

/* Where system calls are not seen: what glibc's malloc does to the map shows in the program break,
 * and in the chunk's flags. Of other allocators nothing is known. */
static __attribute__((noinline, cold)) void look_for_change(uintptr_t chunk,
                                                            const struct frame *frame)
{
    static void *break_before;
    void *now = real.curbrk ? *real.curbrk : NULL;
    bool moved = now != break_before;
    break_before = now;
    if (moved || !process.glibc_malloc || chunk & (PMT_CHUNK_MMAPPED | PMT_CHUNK_NON_MAIN_ARENA))
        snapshot_after_call(frame->caller);
}

/* After a call that may have made ld.so's work visible: it allocates for the libraries that it
 * loads. `chunk`: of the block that the call was about. */
static inline void after_call(uintptr_t chunk, const struct frame *frame)
{
    if (unlikely(process_loader_owns(frame->caller)))
        loader_ran();
    else if (unlikely(!process.sees_kernel))
        look_for_change(chunk, frame);
}

/* The stack's id if there is nothing to do but the call and a short record; else 0. */
static inline __attribute__((always_inline)) uint32_t plain_call(const struct live *l,
                                                                 const struct frame *frame)
{
    bool plain = l->fast && !(thread.busy | thread.loader_ran | thread.call.call) &&
                 (uintptr_t)frame >= thread.stack_low;
    return likely(plain) ? stacks_known(l, frame) : 0;
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

static inline __attribute__((always_inline)) void fill_compact(compact *c, enum pmt_call call,
                                                               uintptr_t block, uintptr_t size,
                                                               uint32_t stack_id, uint32_t bytes)
{
    c->units = (uint16_t)(bytes / PMT_RECORD_ALIGN);
    c->type = COMPACT_TYPE;
    c->call = (uint8_t)call;
    c->stack_id = stack_id;
    c->addr = block;
    c->chunk = (uint32_t)chunk_word((const void *)block);
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
    c->time = clock_compact(live, 0);
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
    emit_header(&e, PMT_RECORD_ALLOC, (uint8_t)call, stack_id, clock_now());
    a->addr = block;
    a->chunk = chunk_word((const void *)block);
    if (!frees)
        a->size = size;
    emit_end(&e);
}

/* What emit_begin() and emit_end() do, for plain_call() has seen to the rest. */
static inline __attribute__((always_inline)) void send_compact(struct live *l, enum pmt_call call,
                                                               uintptr_t block, uintptr_t size,
                                                               uint32_t stack_id, uint32_t bytes)
{
    if (unlikely(!*l->alone))
        return send_whole(call, block, size, stack_id);
    uint32_t position = emit_reserve_alone(&l->ring->head, bytes);
    if (unlikely((int32_t)(l->limit - position - bytes) < 0))
        return send_compact_late(position, call, block, size, stack_id, bytes);
    compact *c = (void *)(l->data + (position & (PMT_RING_CAPACITY - 1)));
    fill_compact(c, call, block, size, stack_id, bytes);
    c->time = clock_compact(l, position);
    __atomic_store_n(&c->stamp, position ^ l->cookie, __ATOMIC_RELEASE);
}

/* malloc and calloc. */
static inline __attribute__((always_inline)) void allocated(enum pmt_call call, const void *block,
                                                            size_t size, const struct frame *frame)
{
    after_call(chunk_of(block), frame);
    if (likely(block))
        return send_short(call, (uintptr_t)block, size, PMT_ALLOC_MALLOC_SIZE, frame);
    send_failed(call, size, frame);
}

static __attribute__((noinline)) void *malloc_in_general(size_t size, const struct frame *frame)
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
    struct live *l = live;
    const struct frame *frame = HOOK_FRAME();
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
static __attribute__((noinline)) void free_in_general(void *block, const struct frame *frame)
{
    if (unlikely(pool_owns(block)))
        return;
    if (unlikely(thread.busy) || !block || !hook_active())
        return real.free ? real.free(block) : (void)0;
    struct call outer;
    hook_enter(&outer, PMT_CALL_FREE, 0, frame);
    uintptr_t chunk = chunk_of(block);
    send_short(PMT_CALL_FREE, (uintptr_t)block, 0, PMT_ALLOC_FREE_SIZE, frame);
    real.free(block);
    after_call(chunk, frame);
    hook_leave(&outer);
}

HOOK void free(void *block)
{
    struct live *l = live;
    const struct frame *frame = HOOK_FRAME();
    uint32_t stack_id = block ? plain_call(l, frame) : 0;
    if (unlikely(!stack_id) || unlikely(chunk_word(block) & POOL_MARK) ||
        unlikely(chunk_word(block) > COMPACT_MOST))
        return free_in_general(block, frame);
    hook_mark(PMT_CALL_FREE, 0, frame);
    send_compact(l, PMT_CALL_FREE, (uintptr_t)block, 0, stack_id, COMPACT_FREE);
    real.free(block);
    thread.call.call = PMT_CALL_NONE;
}

/* The block may be given back inside and got by another thread before this is recorded; `began`
 * tells the reader which of the two has it. */
static void *reallocate(enum pmt_call call, void *old, size_t size, const struct frame *frame)
{
    struct call outer;
    hook_enter(&outer, call, size, frame);
    struct details d = {.call = call, .size = size, .old = (uintptr_t)old, .began = clock_now()};
    uintptr_t chunk = chunk_of(old);
    void *block = real.realloc(old, size);
    d.block = block;
    if (!block && !(size == 0 && old))
        d.error = ENOMEM;
    after_call(chunk_of(block) | chunk, frame);
    send_long(&d, frame);
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
        errno = ENOMEM;
        if (hook_active())
            send_long(&(struct details){.call = PMT_CALL_REALLOCARRAY,
                                        .size = SIZE_MAX,
                                        .old = (uintptr_t)old,
                                        .began = clock_now(),
                                        .error = ENOMEM},
                      HOOK_FRAME());
        return NULL;
    }
    if (!hook_active())
        return real.realloc(old, product);
    return reallocate(PMT_CALL_REALLOCARRAY, old, product, HOOK_FRAME());
}

/* An aligned allocation: `call_real` is the expression that makes it and sets `block` and
 * `error`. */
#define ALIGNED(which, wanted, aligned, call_real)                                                 \
    do {                                                                                           \
        struct call outer;                                                                         \
        struct details d = {.call = (which), .size = (wanted), .alignment = (aligned)};            \
        hook_enter(&outer, d.call, d.size, HOOK_FRAME());                                          \
        call_real;                                                                                 \
        d.block = block;                                                                           \
        after_call(chunk_of(block), HOOK_FRAME());                                                 \
        send_long(&d, HOOK_FRAME());                                                               \
        hook_leave(&outer);                                                                        \
    } while (0)

/* errno as the program sees it, for the functions that set it. */
#define SETS_ERRNO(expression)                                                                     \
    void *block = (expression);                                                                    \
    d.error = block ? 0 : errno

HOOK void *memalign(size_t alignment, size_t size)
{
    if (unlikely(thread.busy))
        return pool_alloc(size, alignment);
    if (!hook_active())
        return real.memalign(alignment, size);
    void *result;
    ALIGNED(PMT_CALL_MEMALIGN, size, alignment,
            SETS_ERRNO(result = real.memalign(alignment, size)));
    return result;
}

HOOK void *aligned_alloc(size_t alignment, size_t size)
{
    if (unlikely(thread.busy))
        return pool_alloc(size, alignment);
    if (!hook_active())
        return real.aligned_alloc(alignment, size);
    void *result;
    ALIGNED(PMT_CALL_ALIGNED_ALLOC, size, alignment,
            SETS_ERRNO(result = real.aligned_alloc(alignment, size)));
    return result;
}

HOOK int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (unlikely(thread.busy)) {
        *out = pool_alloc(size, alignment);
        return *out ? 0 : ENOMEM;
    }
    if (!hook_active())
        return real.posix_memalign(out, alignment, size);
    int result;
    ALIGNED(PMT_CALL_POSIX_MEMALIGN, size, alignment,
            result = real.posix_memalign(out, alignment, size);
            d.error = result; void *block = result ? NULL : *out);
    return result;
}

HOOK void *valloc(size_t size)
{
    if (unlikely(thread.busy))
        return pool_alloc(size, 4096);
    if (!hook_active())
        return real.valloc(size);
    void *result;
    ALIGNED(PMT_CALL_VALLOC, size, live->page_size, SETS_ERRNO(result = real.valloc(size)));
    return result;
}

HOOK void *pvalloc(size_t size)
{
    if (unlikely(thread.busy))
        return pool_alloc(size, 4096);
    if (!hook_active())
        return real.pvalloc(size);
    void *result;
    ALIGNED(PMT_CALL_PVALLOC, size, live->page_size, SETS_ERRNO(result = real.pvalloc(size)));
    return result;
}

HOOK size_t malloc_usable_size(void *block)
{
    if (unlikely(pool_owns(block)))
        return pool_size(block);
    hook_active();
    return real.malloc_usable_size ? real.malloc_usable_size(block) : 0;
}

HOOK int mallopt(int param, int value)
{
    bool active = hook_active();
    int result = real.mallopt ? real.mallopt(param, value) : 0;
    uint32_t stack_id = active && !thread.busy ? stacks_of_frame(HOOK_FRAME()) : 0;
    struct emit e;
    if (!active || thread.busy || !(e = emit_begin(sizeof(struct pmt_mallopt))).record)
        return result;
    struct pmt_mallopt *m = e.record;
    emit_header(&e, PMT_RECORD_MALLOPT, PMT_CALL_MALLOPT, stack_id, clock_now());
    m->param = param;
    m->value = value;
    m->result = result;
    emit_end(&e);
    return result;
}
