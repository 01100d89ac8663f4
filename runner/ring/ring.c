#include "runner/ring/ring.h"
#include "schemas/record_check.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FETCH_AHEAD 1024 /* bytes: the lines come from another core's cache */
#define MASK (PMT_RING_CAPACITY - 1)
#define WHOLE (PMT_RING_HEADER_SIZE + 2ul * PMT_RING_CAPACITY)

static int map(struct ring *ring)
{
    const int prot = PROT_READ | PROT_WRITE;
    char *base = mmap(NULL, WHOLE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return -errno;
    char *again = base + PMT_RING_HEADER_SIZE + PMT_RING_CAPACITY;
    int flags = MAP_SHARED | MAP_FIXED;
    if (mmap(base, PMT_RING_HEADER_SIZE + PMT_RING_CAPACITY, prot, flags, ring->fd, 0) ==
            MAP_FAILED ||
        mmap(again, PMT_RING_CAPACITY, prot, flags, ring->fd, PMT_RING_HEADER_SIZE) == MAP_FAILED) {
        int error = -errno;
        munmap(base, WHOLE);
        return error;
    }
    madvise(base, WHOLE, MADV_DONTFORK); /* ring_is_mapped() asks about the program */
    ring->shared = (struct pmt_ring *)base;
    ring->data = (unsigned char *)base + PMT_RING_HEADER_SIZE;
    return 0;
}

/* Signals wait: one would end it halfway, and it would begin from the start. */
static int allocate(int fd)
{
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    int error = posix_fallocate(fd, 0, PMT_RING_HEADER_SIZE + PMT_RING_CAPACITY);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return -error;
}

int ring_memory(void)
{
    int fd = memfd_create(PMT_MEMFD_NAME "-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int error = fchmod(fd, 0600) == 0 ? allocate(fd) : -errno;
    if (error)
        close(fd);
    return error ? error : fd;
}

int ring_create(struct ring *ring, int memory, enum pmt_clock clock, uint32_t flags)
{
    memset(ring, 0, offsetof(struct ring, record));
    ring->fd = memory;
    int error = memory < 0 ? memory : map(ring);
    if (error) {
        if (memory >= 0)
            close(memory);
        return error;
    }
    if (getrandom(&ring->cookie, sizeof ring->cookie, GRND_NONBLOCK) < 0)
        ring->cookie = (uint32_t)getpid() * 2654435761u;
    ring->cookie |= 1; /* never the stamp of zeroed memory at any position */
    *ring->shared = (struct pmt_ring){.magic = PMT_RING_MAGIC,
                                      .version = PMT_RING_VERSION,
                                      .clock = (uint8_t)clock,
                                      .capacity = PMT_RING_CAPACITY,
                                      .cookie = ring->cookie,
                                      .flags = flags,
                                      .runner_pid = (uint32_t)getpid()};
    return 0;
}

void ring_destroy(struct ring *ring)
{
    if (ring->fd >= 0)
        close(ring->fd);
    if (ring->shared)
        munmap(ring->shared, WHOLE);
    ring->shared = NULL;
    ring->fd = -1;
}

/* fcntl(2): the seal is refused as long as there is a mapping that can be written to. */
bool ring_is_mapped(int fd)
{
    return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EBUSY;
}

static const struct pmt_record *at(const struct ring *ring, uint32_t position)
{
    return (const struct pmt_record *)(ring->data + (position & MASK));
}

/* partner: emit_end() in the shim */
static bool committed(const struct ring *ring, uint32_t position)
{
    return __atomic_load_n(&at(ring, position)->stamp, __ATOMIC_ACQUIRE) ==
           (position ^ ring->cookie);
}

static void fetch_ahead(const struct ring *ring)
{
    if ((int32_t)(ring->known - ring->tail) > 2 * FETCH_AHEAD)
        __builtin_prefetch(ring->data + (ring->tail & MASK) + FETCH_AHEAD);
}

static bool is_compact(uint8_t type)
{
    return type == PMT_RECORD_CALL32 || type == PMT_RECORD_CALL64;
}

/* Of memory that the traced process can write at any time: once. */
#define TAKE(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

/* Returns its size in the ring, 0 if it is not valid. */
static inline __attribute__((always_inline)) uint32_t read_call(const struct pmt_record *shared,
                                                                struct plain_call *out)
{
    const struct pmt_call32 *c = (const struct pmt_call32 *)shared;
    const struct pmt_call64 *w = (const struct pmt_call64 *)shared;
    uint32_t size = (uint32_t)TAKE(shared->units) * PMT_RECORD_ALIGN;
    uint8_t call = TAKE(shared->call), type = TAKE(shared->type);
    bool frees = call == PMT_CALL_FREE, wide = type == PMT_RECORD_CALL64;
    uint32_t wanted = wide    ? PMT_CALL64_SIZE
                      : frees ? PMT_CALL32_FREE_SIZE
                              : PMT_CALL32_MALLOC_SIZE;
    if (size != wanted || (!frees && call != PMT_CALL_MALLOC) || !is_compact(type))
        return 0;
    out->call = call;
    out->stack_id = TAKE(c->stack_id);
    out->time = TAKE(c->time);
    out->addr = wide ? TAKE(w->addr) : TAKE(c->addr);
    out->chunk = wide ? TAKE(w->chunk) : TAKE(c->chunk);
    out->size = frees ? 0 : wide ? TAKE(w->size) : TAKE(c->size);
    return size;
}

/* Likewise, of a whole record: threads write those. */
static uint32_t read_whole(const struct pmt_record *shared, struct plain_call *out)
{
    struct pmt_alloc a = {.size = 0};
    memcpy(&a, shared, PMT_ALLOC_MALLOC_SIZE);
    uint32_t size = pmt_record_size(&a.r);
    if (a.r.call == PMT_CALL_FREE && size == PMT_ALLOC_FREE_SIZE)
        a.size = 0;
    else if (a.r.call != PMT_CALL_MALLOC || size != PMT_ALLOC_MALLOC_SIZE)
        return 0;
    if (a.r.type != PMT_RECORD_ALLOC || !a.addr || (a.chunk | a.size) >> 32)
        return 0;
    *out = (struct plain_call){.addr = a.addr,
                               .time = a.r.time,
                               .chunk = (uint32_t)a.chunk,
                               .size = (uint32_t)a.size,
                               .stack_id = a.r.stack_id,
                               .tid = a.r.tid,
                               .call = a.r.call};
    return size;
}

bool ring_next_call(struct ring *ring, struct plain_call *call)
{
    fetch_ahead(ring);
    const struct pmt_record *shared = at(ring, ring->tail);
    if (!committed(ring, ring->tail))
        return false;
    bool compact = is_compact(shared->type);
    uint32_t size = compact ? read_call(shared, call) : read_whole(shared, call);
    if (compact)
        call->tid = ring->tid;
    ring->tail += size;
    return size != 0;
}

/* A compact record as the record that it stands for. Returns its size in the ring, 0 if it is not
 * valid. */
static uint32_t expand(struct ring *ring, const struct pmt_record *shared)
{
    struct plain_call c;
    struct pmt_alloc *a = (struct pmt_alloc *)ring->record;
    uint32_t size = read_call(shared, &c);
    if (!size)
        return 0;
    bool frees = c.call == PMT_CALL_FREE;
    a->r = (struct pmt_record){.units = (frees ? PMT_ALLOC_FREE_SIZE : PMT_ALLOC_MALLOC_SIZE) /
                                        PMT_RECORD_ALIGN,
                               .type = PMT_RECORD_ALLOC,
                               .call = c.call,
                               .tid = ring->tid,
                               .stack_id = c.stack_id,
                               .time = c.time};
    a->addr = c.addr;
    a->chunk = c.chunk;
    a->size = c.size;
    return size;
}

/* The record at `position`, to ring->record. Returns its size in the ring, 0 if it is not valid. */
static uint32_t copy(struct ring *ring, uint32_t position)
{
    const struct pmt_record *shared = at(ring, position);
    if (is_compact(shared->type))
        return expand(ring, shared);
    uint32_t size = (uint32_t)__atomic_load_n(&shared->units, __ATOMIC_RELAXED) * PMT_RECORD_ALIGN;
    if (size < sizeof *shared || size > PMT_RECORD_MAX)
        return 0;
    memcpy(ring->record, shared, size);
    return record_valid((const struct pmt_record *)ring->record, size) ? size : 0;
}

uint32_t ring_look(struct ring *ring)
{
    uint32_t reserved = __atomic_load_n(&ring->shared->head, __ATOMIC_RELAXED) - ring->tail;
    ring->known = ring->tail + (reserved <= PMT_RING_CAPACITY ? reserved : 0);
    return reserved;
}

enum ring_state ring_next(struct ring *ring)
{
    fetch_ahead(ring);
    if (!committed(ring, ring->tail))
        return RING_EMPTY;
    uint32_t size = copy(ring, ring->tail);
    ring->tail += size;
    return size ? RING_RECORD : RING_CORRUPT;
}

bool ring_peek_time(const struct ring *ring, uint64_t *time)
{
    const struct pmt_record *next = at(ring, ring->tail);
    if (!committed(ring, ring->tail))
        return false;
    *time = is_compact(next->type) ? ((const struct pmt_call32 *)next)->time : next->time;
    return true;
}

void ring_tell_time(struct ring *ring, uint32_t now)
{
    __atomic_store_n(&ring->shared->now, now, __ATOMIC_RELAXED);
}

void ring_release(struct ring *ring)
{
    if (ring->tail == ring->released)
        return;
    ring->released = ring->tail;
    __atomic_store_n(&ring->shared->tail, ring->tail, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&ring->shared->full_waiters, __ATOMIC_SEQ_CST))
        syscall(SYS_futex, &ring->shared->tail, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

bool ring_has_hole(const struct ring *ring)
{
    return __atomic_load_n(&ring->shared->head, __ATOMIC_RELAXED) != ring->tail &&
           !committed(ring, ring->tail);
}

bool ring_skip(struct ring *ring, enum pmt_loss reason, bool give_up)
{
    uint32_t reserved = __atomic_load_n(&ring->shared->head, __ATOMIC_RELAXED) - ring->tail;
    if (reserved > PMT_RING_CAPACITY)
        reserved = PMT_RING_CAPACITY;
    for (uint32_t offset = PMT_RECORD_ALIGN; offset < reserved; offset += PMT_RECORD_ALIGN) {
        if (!committed(ring, ring->tail + offset) || !copy(ring, ring->tail + offset))
            continue;
        ring->tail += offset;
        ring->lost[reason]++;
        return true;
    }
    if (!give_up)
        return false;
    ring->tail += reserved & ~(PMT_RECORD_ALIGN - 1);
    ring->lost[reason] += reserved != 0;
    return false;
}

bool ring_next_note(struct ring *ring, struct pmt_note *note)
{
    const struct pmt_note *shared = &ring->shared->note[ring->notes % PMT_NOTES];
    uint32_t stamp = __atomic_load_n(&shared->stamp, __ATOMIC_ACQUIRE);
    if ((int32_t)(stamp - ring->notes) <= 0)
        return false;
    *note = *shared;
    ring->notes = stamp; /* others were overwritten meanwhile */
    return note->path_size <= sizeof note->path && note->reason != PMT_UNFOLLOWED_NONE &&
           note->reason < PMT_UNFOLLOWED_COUNT;
}

static bool header_is_intact(const struct ring *ring)
{
    const struct pmt_ring *h = ring->shared;
    return h->magic == PMT_RING_MAGIC && h->version == PMT_RING_VERSION &&
           h->capacity == PMT_RING_CAPACITY && h->cookie == ring->cookie &&
           h->runner_pid == (uint32_t)getpid();
}

uint32_t ring_lost(const struct ring *ring, enum pmt_loss reason)
{
    if (!header_is_intact(ring))
        return ring->lost[reason] + (reason == PMT_LOSS_CORRUPT);
    return ring->lost[reason] + __atomic_load_n(&ring->shared->lost[reason], __ATOMIC_RELAXED);
}

uint32_t ring_walks(const struct ring *ring, enum pmt_walks which)
{
    if (!header_is_intact(ring))
        return 0;
    return __atomic_load_n(&ring->shared->walks[which], __ATOMIC_RELAXED);
}
