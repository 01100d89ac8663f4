/* The ring from both ends: runner/ring/ring.c reads what shim/ring/emit.c writes, or what a program
 * that has gone mad has written there. The shim's state is made here, and its system calls are this
 * test's: waiting may be cut short, the runner may be declared dead. Runs under -fsanitize=thread
 * too. */
#include "runner/ring/ring.h"
#include "schemas/record_check.h"
#include "shim/ring/emit.h"
#include "shim/ring/output.h"
#include "tests/unit/random.h"
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h> /* needs the four above it */

#define CAPACITY PMT_RING_CAPACITY

/* ---- what the shim needs ---- */

static struct live_page state_of_process;
struct live_page *live = &state_of_process;
struct state_process process;
__thread struct state_thread thread __attribute__((tls_model("initial-exec")));

static bool runner_is_dead, no_sleep, long_sleep;
static char single_threaded; /* as glibc's __libc_single_threaded */
static unsigned sleeps;      /* of producers */

uint32_t state_ask_tid(void)
{
    return thread.tid = 1;
}

void state_update(void)
{
}

long sys_call_regs(const struct sys_regs *r)
{
    return r->nr == __NR_kill && runner_is_dead ? -ESRCH : 0;
}

void sys_futex_wait(uint32_t *word, uint32_t value, unsigned milliseconds)
{
    struct timespec timeout = {long_sleep ? 20 : 0, milliseconds * 1000000l};
    __atomic_fetch_add(&sleeps, 1, __ATOMIC_RELAXED);
    if (!no_sleep)
        syscall(__NR_futex, word, FUTEX_WAIT, value, &timeout);
}

uint64_t sys_clock(int clock)
{
    (void)clock;
    return 1;
}

void *output_begin(uint32_t size)
{
    (void)size;
    return NULL;
}

void output_end(struct pmt_record *record)
{
    (void)record;
}

/* ---- a ring, used from both ends ---- */

static struct ring ring;
static char *fence; /* the whole mapping, with a page that cannot be touched on each side */
#define FENCED (PMT_RING_HEADER_SIZE + 2ul * CAPACITY)

static void attach(void)
{
    *live = (struct live_page){.sink = SINK_RING,
                               .clock = PMT_CLOCK_MONOTONIC,
                               .alone = &single_threaded,
                               .lost = ring.shared->lost,
                               .ring = ring.shared,
                               .data = (unsigned char *)ring.data,
                               .mask = CAPACITY - 1,
                               .limit = CAPACITY,
                               .cookie = ring.cookie};
    thread.tid = 1;
    runner_is_dead = no_sleep = long_sleep = false;
    single_threaded = 1;
    sleeps = 0;
}

static int create(void **state)
{
    (void)state;
    if (ring_create(&ring, ring_memory(), PMT_CLOCK_MONOTONIC, PMT_RING_TEXT_SNAPSHOTS))
        return -1;
    attach();
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    ring_destroy(&ring);
    return 0;
}

/* As if the ring had been in use for long: positions are about to wrap, or anywhere else. */
static void start_at(uint32_t position)
{
    ring.tail = ring.released = position;
    ring.shared->head = ring.shared->tail = position;
    live->limit = position + CAPACITY;
}

/* ---- records that tell who wrote them, as which one of his ---- */

static uint32_t mixed(uint32_t tid, uint32_t number)
{
    uint32_t x = (tid * 0x9e3779b9u) ^ (number * 0x85ebca6bu);
    return x ^ x >> 15;
}

/* Sizes from the smallest record to the largest, mostly small ones. */
static uint32_t size_of_record(uint32_t tid, uint32_t number)
{
    uint32_t x = mixed(tid, number);
    if (x % 4 == 0)
        return x % 5 ? sizeof(struct pmt_alloc)
                     : (uint32_t)sizeof(struct pmt_stack) + 8 * (6 + x / 5 % (PMT_MAX_FRAMES - 5));
    if (x % 512 == 1)
        return sizeof(struct pmt_kernel) + x / 512 % 4096 * 8;
    return x % 2 ? PMT_ALLOC_FREE_SIZE : PMT_ALLOC_MALLOC_SIZE;
}

static void fill_alloc(struct emit *e, uint32_t tid, uint32_t number)
{
    struct pmt_alloc *a = e->record;
    unsigned call = e->size == PMT_ALLOC_FREE_SIZE     ? PMT_CALL_FREE
                    : e->size == PMT_ALLOC_MALLOC_SIZE ? PMT_CALL_MALLOC
                                                       : PMT_CALL_REALLOC;
    emit_header(e, PMT_RECORD_ALLOC, (uint8_t)call, 0, number);
    if (call == PMT_CALL_REALLOC) {
        a->old_addr = a->alignment = mixed(number, tid);
        a->began = number;
        a->error = a->pad = 0;
    }
    a->addr = a->chunk = mixed(tid, number);
    if (call != PMT_CALL_FREE)
        a->size = a->addr;
}

static void fill(struct emit *e, uint32_t tid, uint32_t number)
{
    if (e->size <= sizeof(struct pmt_alloc))
        return fill_alloc(e, tid, number);
    uint32_t words = (e->size - (uint32_t)sizeof(struct pmt_stack)) / 8;
    if (words <= PMT_MAX_FRAMES) {
        struct pmt_stack *s = e->record;
        emit_header(e, PMT_RECORD_STACK, 0, number + 1, number);
        s->frames = words;
        s->cut = 0;
        for (uint32_t i = 0; i < words; i++)
            s->ip[i] = mixed(tid, number + i);
        return;
    }
    struct pmt_kernel *k = e->record;
    emit_header(e, PMT_RECORD_KERNEL, PMT_CALL_BRK, 0, number);
    memset(&k->args, 0, e->size - offsetof(struct pmt_kernel, args));
    memset(k + 1, (int)(mixed(tid, number) & 0xff), e->size - sizeof *k);
}

static bool write_sized(uint32_t tid, uint32_t number, uint32_t size)
{
    struct emit e = emit_begin(size);
    if (!e.record)
        return false;
    fill(&e, tid, number);
    emit_end(&e);
    return true;
}

static bool write_record(uint32_t number)
{
    return write_sized(thread.tid, number, size_of_record(thread.tid, number));
}

static const struct pmt_record *record(void)
{
    return (const struct pmt_record *)ring.record;
}

/* The bytes of the record that was read, against what its writer would write now. */
static void check_sized(uint32_t tid, uint32_t number, uint32_t size)
{
    static _Alignas(8) char want[PMT_RECORD_MAX];
    struct emit e = {want, 0, size};
    uint32_t saved = thread.tid;
    thread.tid = tid;
    fill(&e, tid, number);
    thread.tid = saved;
    assert_int_equal(record()->tid, tid);
    assert_int_equal(record()->time, number);
    assert_int_equal(pmt_record_size(record()), size);
    assert_memory_equal(ring.record + 4, want + 4, size - 4); /* without the stamp */
}

static void check_record(uint32_t tid, uint32_t number)
{
    check_sized(tid, number, size_of_record(tid, number));
}

static void expect(uint32_t number)
{
    assert_int_equal(ring_next(&ring), RING_RECORD);
    check_record(1, number);
}

/* ---- one thread ---- */

static void test_create(void **state)
{
    (void)state;
    assert_int_equal(ring.shared->magic, PMT_RING_MAGIC);
    assert_int_equal(ring.shared->version, PMT_RING_VERSION);
    assert_int_equal(ring.shared->clock, PMT_CLOCK_MONOTONIC);
    assert_int_equal(ring.shared->flags, PMT_RING_TEXT_SNAPSHOTS);
    assert_int_equal(ring.shared->capacity, CAPACITY);
    assert_int_equal(ring.shared->runner_pid, getpid());
    assert_int_equal(ring.shared->cookie, ring.cookie);
    assert_int_not_equal(ring.cookie, 0);
    assert_int_equal(ring_next(&ring), RING_EMPTY);
    assert_false(ring_has_hole(&ring));
    assert_int_equal(ring_look(&ring), 0);
    unsigned char *data = (unsigned char *)ring.data; /* twice the same memory */
    data[17] = 5;
    assert_int_equal(data[CAPACITY + 17], 5);
    data[2 * CAPACITY - 1] = 6;
    assert_int_equal(data[CAPACITY - 1], 6);
    ring_tell_time(&ring, 77);
    assert_int_equal(ring.shared->now, 77);
}

static void test_order(void **state)
{
    (void)state;
    uint32_t count = 0;
    while (ring.shared->head < CAPACITY - PMT_RECORD_MAX)
        assert_true(write_record(count++));
    assert_true(count > 1000);
    assert_int_equal(ring_look(&ring), ring.shared->head);
    for (uint32_t i = 0; i < count; i++)
        expect(i);
    assert_int_equal(ring_next(&ring), RING_EMPTY);
    assert_int_equal(ring_look(&ring), 0);
    assert_int_equal(ring.shared->tail, 0); /* not yet released */
    ring_release(&ring);
    assert_int_equal(ring.shared->tail, ring.shared->head);
}

/* Many times around the ring, and over the end of 32-bit positions. */
static void test_wrap(void **state)
{
    (void)state;
    static const uint32_t starts[] = {0, CAPACITY - 8, 0u - 64, 0u - 3 * CAPACITY / 2};
    for (unsigned s = 0; s < 4; s++) {
        uint32_t written = 0, read = 0;
        start_at(starts[s]);
        while (ring.tail - starts[s] < 5 * CAPACITY) {
            while (ring.shared->head - ring.shared->tail < CAPACITY - PMT_RECORD_MAX)
                assert_true(write_record(written++));
            for (uint32_t half = (written - read) / 2 + 1; half > 0; half--)
                expect(read++);
            ring_release(&ring);
        }
        while (read < written)
            expect(read++);
        ring_release(&ring);
        assert_int_equal(ring_next(&ring), RING_EMPTY);
        assert_int_equal(sleeps, 0);
    }
}

static void write_compact(uint32_t number)
{
    bool frees = mixed(2, number) & 1;
    struct emit e = emit_begin(frees ? PMT_CALL32_FREE_SIZE : PMT_CALL32_MALLOC_SIZE);
    struct pmt_call32 *c = e.record;
    assert_non_null(c);
    c->units = (uint16_t)(e.size / PMT_RECORD_ALIGN);
    c->type = PMT_RECORD_CALL32;
    c->call = frees ? PMT_CALL_FREE : PMT_CALL_MALLOC;
    c->stack_id = number + 1;
    c->time = number;
    c->addr = 0xf0000000 + number * 8;
    c->chunk = mixed(3, number);
    if (!frees)
        c->size = mixed(4, number);
    emit_end(&e);
}

static void expect_compact(uint32_t number)
{
    bool frees = mixed(2, number) & 1;
    const struct pmt_alloc *a = (const struct pmt_alloc *)ring.record;
    assert_int_equal(ring_next(&ring), RING_RECORD);
    assert_true(record_valid(&a->r, sizeof ring.record));
    assert_int_equal(a->r.type, PMT_RECORD_ALLOC);
    assert_int_equal(a->r.call, frees ? PMT_CALL_FREE : PMT_CALL_MALLOC);
    assert_int_equal(pmt_record_size(&a->r), frees ? PMT_ALLOC_FREE_SIZE : PMT_ALLOC_MALLOC_SIZE);
    assert_int_equal(a->r.tid, 77);
    assert_int_equal(a->r.stack_id, number + 1);
    assert_int_equal(a->r.time, number);
    assert_int_equal(a->addr, 0xf0000000 + number * 8);
    assert_int_equal(a->chunk, mixed(3, number));
    if (!frees)
        assert_int_equal(a->size, mixed(4, number));
}

/* malloc and free of a process with one thread come in few bytes, between all others. */
static void test_compact(void **state)
{
    (void)state;
    ring.tid = 77;
    start_at(0u - CAPACITY / 2);
    for (uint32_t i = 0; i < 400000; i++) {
        bool compact = mixed(5, i) % 8;
        if (compact)
            write_compact(i);
        else
            assert_true(write_record(i));
        if (compact)
            expect_compact(i);
        else
            expect(i);
        ring_release(&ring);
    }
    assert_int_equal(ring_next(&ring), RING_EMPTY);
}

static void test_bad_compact(void **state)
{
    (void)state;
    for (unsigned units = 0; units < 40; units++)
        for (unsigned call = 0; call < PMT_CALL_COUNT; call++) {
            struct emit e = emit_begin(PMT_CALL32_MALLOC_SIZE);
            struct pmt_call32 *c = e.record;
            *c = (struct pmt_call32){
                .units = (uint16_t)units, .type = PMT_RECORD_CALL32, .call = (uint8_t)call};
            emit_end(&e);
            bool good = (call == PMT_CALL_MALLOC && units == PMT_CALL32_MALLOC_SIZE / 8) ||
                        (call == PMT_CALL_FREE && units == PMT_CALL32_FREE_SIZE / 8);
            assert_int_equal(ring_next(&ring), good ? RING_RECORD : RING_CORRUPT);
            ring_skip(&ring, PMT_LOSS_CORRUPT, true);
            assert_int_equal(ring.tail, ring.shared->head);
            ring_release(&ring);
        }
}

static struct pmt_alloc *begin_whole(struct emit *e, uint8_t call, uint32_t size)
{
    *e = emit_begin(size);
    struct pmt_alloc *a = e->record;
    assert_non_null(a);
    memset(a, 0, size);
    emit_header(e, PMT_RECORD_ALLOC, call, 5, 1ull << 40 | 6);
    a->addr = 0xf00000001000;
    return a;
}

/* Most calls are read without a copy of the record, whatever wrote them; they say the same. */
static void test_plain_calls(void **state)
{
    (void)state;
    struct plain_call call;
    struct emit e;
    ring.tid = 77;
    for (uint32_t i = 0; i < 1000; i++) {
        write_compact(i);
        assert_true(ring_next_call(&ring, &call));
        assert_int_equal(call.tid, 77);
        assert_int_equal(call.time, i);
        assert_int_equal(call.addr, 0xf0000000 + i * 8);
        assert_int_equal(call.size, call.call == PMT_CALL_FREE ? 0 : mixed(4, i));
    }
    for (unsigned frees = 0; frees < 2; frees++) {
        struct pmt_alloc *a = begin_whole(&e, frees ? PMT_CALL_FREE : PMT_CALL_MALLOC,
                                          frees ? PMT_ALLOC_FREE_SIZE : PMT_ALLOC_MALLOC_SIZE);
        a->chunk = 0xffffffff;
        if (!frees)
            a->size = 0xfffffffe;
        emit_end(&e);
        assert_true(ring_next_call(&ring, &call));
        assert_int_equal(call.call, frees ? PMT_CALL_FREE : PMT_CALL_MALLOC);
        assert_int_equal(call.addr, 0xf00000001000);
        assert_int_equal(call.chunk, 0xffffffff);
        assert_int_equal(call.size, frees ? 0 : 0xfffffffe);
        assert_int_equal(call.stack_id, 5);
        assert_int_equal(call.tid, 1);
        assert_true(call.time == (1ull << 40 | 6));
    }
    assert_false(ring_next_call(&ring, &call));
}

/* All others are left to ring_next(): failed calls, large blocks, other functions, other
 * records. */
static void test_no_plain_calls(void **state)
{
    (void)state;
    struct plain_call call;
    struct emit e;
    for (unsigned what = 0; what < 6; what++) {
        struct pmt_alloc *a =
            begin_whole(&e, what == 0 ? PMT_CALL_CALLOC : PMT_CALL_MALLOC,
                        what == 1 ? (uint32_t)sizeof(struct pmt_alloc) : PMT_ALLOC_MALLOC_SIZE);
        if (what == 2)
            a->addr = 0;
        if (what == 3)
            a->size = 1ull << 32;
        if (what == 4)
            a->chunk = 1ull << 32;
        if (what == 5)
            a->r.type = PMT_RECORD_MALLOPT;
        emit_end(&e);
        assert_false(ring_next_call(&ring, &call));
        assert_int_equal(ring_next(&ring), RING_RECORD);
    }
}

/* A record of the largest size over each border of the data, and one that fills the ring up. */
static void test_largest(void **state)
{
    (void)state;
    for (uint32_t over = 8; over < PMT_RECORD_MAX; over += 1016) {
        start_at(CAPACITY - over);
        assert_true(write_sized(1, over, PMT_RECORD_MAX));
        assert_int_equal(ring_next(&ring), RING_RECORD);
        check_sized(1, over, PMT_RECORD_MAX);
    }
    start_at(4096);
    for (uint32_t i = 0; i < CAPACITY / PMT_RECORD_MAX; i++)
        assert_true(write_sized(1, i, PMT_RECORD_MAX));
    assert_int_equal(ring_look(&ring), CAPACITY);
    for (uint32_t i = 0; i < CAPACITY / PMT_RECORD_MAX; i++) {
        assert_int_equal(ring_next(&ring), RING_RECORD);
        check_sized(1, i, PMT_RECORD_MAX);
    }
    assert_int_equal(ring_next(&ring), RING_EMPTY);
}

/* What is committed is there, whatever becomes of the writer. */
static void test_killed(void **state)
{
    (void)state;
    madvise(ring.shared, PMT_RING_HEADER_SIZE + 2ul * CAPACITY, MADV_DOFORK); /* as a program's */
    pid_t child = fork();
    if (child == 0) {
        for (uint32_t i = 0; i < 1000; i++)
            write_record(i);
        emit_begin(48); /* reserved, never written */
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (uint32_t i = 0; i < 1000; i++)
        expect(i);
    assert_int_equal(ring_next(&ring), RING_EMPTY);
    assert_true(ring_has_hole(&ring));
    assert_false(ring_skip(&ring, PMT_LOSS_TORN, true));
    assert_int_equal(ring_lost(&ring, PMT_LOSS_TORN), 1);
    assert_int_equal(ring.tail, ring.shared->head);
    assert_false(ring_has_hole(&ring));
}

/* ---- holes ---- */

static void test_hole(void **state)
{
    (void)state;
    assert_true(write_record(0));
    struct emit torn = emit_begin(48);
    assert_non_null(torn.record);
    assert_true(write_record(1));
    expect(0);
    assert_int_equal(ring_next(&ring), RING_EMPTY);
    assert_true(ring_has_hole(&ring));
    assert_true(ring_skip(&ring, PMT_LOSS_TORN, false));
    expect(1);
    assert_false(ring_has_hole(&ring));
    assert_int_equal(ring_next(&ring), RING_EMPTY);
    assert_int_equal(ring_lost(&ring, PMT_LOSS_TORN), 1);
    fill(&torn, 1, 7); /* too late: nobody looks there any more */
    emit_end(&torn);
    assert_int_equal(ring_next(&ring), RING_EMPTY);
    assert_true(write_record(2));
    expect(2);
}

/* A writer that is only slow: nothing behind it, so nothing is given up, and it is read after
 * all. */
static void test_slow_writer(void **state)
{
    (void)state;
    struct emit slow = emit_begin(PMT_ALLOC_MALLOC_SIZE);
    assert_true(ring_has_hole(&ring));
    for (int i = 0; i < 3; i++)
        assert_false(ring_skip(&ring, PMT_LOSS_TORN, false));
    assert_int_equal(ring_lost(&ring, PMT_LOSS_TORN), 0);
    fill(&slow, 1, 3);
    emit_end(&slow);
    assert_int_equal(ring_next(&ring), RING_RECORD);
    check_sized(1, 3, PMT_ALLOC_MALLOC_SIZE);
}

/* Holes of every size at every place; each run of them is one loss, whatever follows is read. */
static void test_many_holes(void **state)
{
    (void)state;
    uint32_t expected_losses = 0, random = 1;
    static bool torn[20000];
    start_at(0u - 100000);
    for (unsigned round = 0; round < 20; round++) {
        uint32_t count = 0;
        bool last = false;
        while (ring.shared->head - ring.shared->tail < CAPACITY - 2 * PMT_RECORD_MAX &&
               count < 20000) {
            random = random * 1664525u + 1013904223u;
            torn[count] = random >> 16 & 1;
            if (torn[count])
                emit_begin(size_of_record(1, random)); /* with old records below it, often */
            else
                write_record(count);
            expected_losses += torn[count] && !last;
            last = torn[count++];
        }
        for (uint32_t i = 0; i < count; i++) {
            if (torn[i])
                continue;
            if (ring_has_hole(&ring))
                assert_true(ring_skip(&ring, PMT_LOSS_TORN, false));
            expect(i);
        }
        assert_int_equal(ring_next(&ring), RING_EMPTY);
        assert_false(ring_skip(&ring, PMT_LOSS_TORN, true));
        ring_release(&ring);
        assert_int_equal(ring_lost(&ring, PMT_LOSS_TORN), expected_losses);
        assert_int_equal(ring.tail, ring.shared->head);
    }
}

/* ---- a full ring ---- */

static uint32_t fill_up(void)
{
    uint32_t count = 0;
    while (CAPACITY - (ring.shared->head - ring.shared->tail) >= sizeof(struct pmt_alloc))
        assert_true(write_sized(1, count++, sizeof(struct pmt_alloc)));
    return count;
}

static void drain_all(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(ring_next(&ring), RING_RECORD);
        check_sized(1, i, sizeof(struct pmt_alloc));
    }
    ring_release(&ring);
}

/* The runner is there, but does nothing for very long: the program goes on, and later so does the
 * trace. */
static void test_stuck(void **state)
{
    (void)state;
    no_sleep = true;
    uint32_t count = fill_up();
    assert_int_equal(sleeps, 0);
    assert_false(write_sized(1, 0, sizeof(struct pmt_alloc)));
    assert_true(sleeps > 100);
    assert_int_equal(ring_lost(&ring, PMT_LOSS_RUNNER_STUCK), 1);
    unsigned before = sleeps;
    for (int i = 0; i < 999; i++)
        assert_false(write_record(0));
    assert_int_equal(sleeps, before); /* nobody waits twice */
    assert_int_equal(ring_lost(&ring, PMT_LOSS_RUNNER_STUCK), 1000);
    drain_all(count);
    assert_int_equal(ring_next(&ring), RING_EMPTY);
    assert_true(write_record(5));
    assert_int_equal(live->sink, SINK_RING);
    assert_true(ring_has_hole(&ring)); /* what the one that waited had reserved */
    assert_true(ring_skip(&ring, PMT_LOSS_TORN, false));
    expect(5);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(write_record(i));
        expect(i);
    }
    assert_int_equal(ring.shared->full_waiters, 0);
}

static void test_runner_gone(void **state)
{
    (void)state;
    no_sleep = true;
    uint32_t count = fill_up();
    runner_is_dead = true;
    assert_false(write_sized(1, 0, sizeof(struct pmt_alloc)));
    assert_true(sleeps < 10);
    assert_int_equal(ring_lost(&ring, PMT_LOSS_RUNNER_GONE), 1);
    assert_int_equal(live->sink, SINK_NONE);
    uint32_t head = ring.shared->head;
    for (int i = 0; i < 1000; i++)
        assert_false(write_record(0));
    assert_int_equal(ring.shared->head, head); /* not traced any more */
    drain_all(count);
}

/* ---- threads ---- */

struct writer {
    pthread_t thread;
    uint32_t tid, count;
};

static void *run_writer(void *arg)
{
    const struct writer *w = arg;
    thread.tid = w->tid;
    for (uint32_t i = 0; i < w->count; i++)
        if (!write_record(i))
            return (void *)(uintptr_t)1;
    return NULL;
}

#define THREADS 4u

/* Reads until all have written all: each one's records in its order, none twice, none missing. */
static void read_all(const struct writer *writers, unsigned pause_us)
{
    uint32_t next[THREADS + 1] = {0}, left = 0;
    for (unsigned i = 0; i < THREADS; i++)
        left += writers[i].count;
    for (uint32_t read = 0; left > 0;) {
        enum ring_state state = ring_next(&ring);
        assert_int_not_equal(state, RING_CORRUPT);
        if (state == RING_EMPTY) {
            ring_release(&ring);
            sched_yield();
            continue;
        }
        assert_in_range(record()->tid, 1, THREADS);
        check_record(record()->tid, next[record()->tid]++);
        left--;
        if (++read % 1000 == 0) {
            ring_release(&ring);
            if (pause_us)
                usleep(pause_us);
        }
    }
    ring_release(&ring);
}

static void run_threads(uint32_t count, unsigned delay_us, unsigned pause_us)
{
    struct writer writers[THREADS];
    single_threaded = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.tid = i + 1, .count = count};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, run_writer, &writers[i]), 0);
    }
    usleep(delay_us);
    if (delay_us)
        assert_true(__atomic_load_n(&ring.shared->full_waiters, __ATOMIC_RELAXED) > 0);
    read_all(writers, pause_us);
    for (unsigned i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(writers[i].thread, &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(ring_next(&ring), RING_EMPTY);
    assert_false(ring_has_hole(&ring));
    assert_int_equal(ring.shared->head, ring.tail);
    assert_int_equal(ring.shared->full_waiters, 0);
    for (int reason = 0; reason < PMT_LOSS_COUNT; reason++)
        assert_int_equal(ring_lost(&ring, reason), 0);
}

static void test_threads(void **state)
{
    (void)state;
    start_at(0u - CAPACITY);
    run_threads(200000, 0, 0);
}

/* The reader comes late and is slow: all writers have to wait, again and again. */
static void test_waiting_threads(void **state)
{
    (void)state;
    run_threads(60000, 400000, 1000);
    assert_true(sleeps > 0);
}

/* A writer that sleeps is woken when there is room, and does not just look now and then. */
static void test_wake(void **state)
{
    (void)state;
    struct writer writer = {.tid = 1, .count = 1};
    struct timespec before, after;
    uint32_t count = fill_up();
    while (CAPACITY - (ring.shared->head - ring.shared->tail) >= PMT_ALLOC_FREE_SIZE)
        assert_true(write_sized(1, count, PMT_ALLOC_FREE_SIZE));
    long_sleep = true;
    single_threaded = 0;
    assert_int_equal(pthread_create(&writer.thread, NULL, run_writer, &writer), 0);
    while (!__atomic_load_n(&sleeps, __ATOMIC_RELAXED))
        usleep(1000);
    usleep(100000);
    clock_gettime(CLOCK_MONOTONIC, &before);
    drain_all(count);
    assert_int_equal(pthread_join(writer.thread, NULL), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec < 10);
}

/* ---- a program that writes anywhere ---- */

static uint64_t random_state = 11;

/* As ring_create(), with nothing on either side that could be read. */
static int create_fenced(void **state)
{
    if (create(state))
        return -1;
    int fd = dup(ring.fd);
    uint32_t cookie = ring.cookie;
    ring_destroy(&ring);
    fence = mmap(NULL, FENCED + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *base = fence + 4096, *again = base + PMT_RING_HEADER_SIZE + CAPACITY;
    const int prot = PROT_READ | PROT_WRITE, how = MAP_SHARED | MAP_FIXED;
    if (fence == MAP_FAILED ||
        mmap(base, PMT_RING_HEADER_SIZE + CAPACITY, prot, how, fd, 0) == MAP_FAILED ||
        mmap(again, CAPACITY, prot, how, fd, PMT_RING_HEADER_SIZE) == MAP_FAILED)
        return -1;
    close(fd);
    ring.shared = (struct pmt_ring *)base;
    ring.data = (unsigned char *)base + PMT_RING_HEADER_SIZE;
    ring.cookie = cookie;
    attach();
    return 0;
}

static int destroy_fenced(void **state)
{
    (void)state;
    return munmap(fence, FENCED + 8192);
}

/* Some bytes that look committed: at `position`, of any size and type. */
static void forge(uint32_t position)
{
    struct pmt_record *r = (struct pmt_record *)(ring.data + (position & (CAPACITY - 1)));
    r->stamp = position ^ ring.cookie;
    switch (random_number(&random_state) % 5) {
    case 0:
        break; /* whatever is there */
    case 4:
        r->units = (uint16_t)(random_number(&random_state) % 6);
        r->type = PMT_RECORD_CALL32;
        r->call = (uint8_t)(random_number(&random_state) % (PMT_CALL_FREE + 2));
        break;
    case 1:
        r->units = (uint16_t)random_number(&random_state);
        r->type = (uint8_t)(random_number(&random_state) % PMT_RECORD_TYPE_COUNT);
        r->call = (uint8_t)random_number(&random_state);
        break;
    case 2:
        r->units = (uint16_t)(3 + random_number(&random_state) % 12);
        r->type = PMT_RECORD_ALLOC;
        r->call = (uint8_t)(random_number(&random_state) % (PMT_CALL_PVALLOC + 2));
        break;
    default:
        r->units = (uint16_t)(8 + random_number(&random_state) % 40);
        r->type = PMT_RECORD_SNAPSHOT;
        r->call = PMT_REASON_KERNEL;
        ((struct pmt_snapshot *)r)->lo = 0;
        ((struct pmt_snapshot *)r)->hi = UINT64_MAX;
        ((struct pmt_snapshot *)r)->regions = random_number(&random_state) % 4;
        ((struct pmt_snapshot *)r)->flags = random_number(&random_state) % 4;
    }
}

/* As the runner does it; returns how many records there were. It must come to an end. */
static unsigned read_garbage(void)
{
    unsigned records = 0, steps = 0;
    for (;;) {
        assert_true(steps++ <= CAPACITY / sizeof(struct pmt_record) + 1);
        uint32_t before = ring.tail;
        enum ring_state state = ring_next(&ring);
        assert_int_equal(ring.tail % PMT_RECORD_ALIGN, 0);
        if (state == RING_EMPTY)
            break;
        if (state == RING_CORRUPT) {
            assert_int_equal(ring.tail, before);
            if (!ring_skip(&ring, PMT_LOSS_CORRUPT, true))
                break;
            assert_int_not_equal(ring.tail, before);
            continue;
        }
        records++;
        assert_true(record_valid(record(), sizeof ring.record));
        if (ring.tail - before > PMT_CALL32_MALLOC_SIZE) /* compact ones grow */
            assert_int_equal(ring.tail - before, pmt_record_size(record()));
    }
    ring_release(&ring);
    return records;
}

static void test_garbage_header(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        uint32_t *words = (uint32_t *)ring.shared;
        for (unsigned i = 0; i < 8; i++)
            words[random_number(&random_state) % (sizeof *ring.shared / 4)] =
                random_number(&random_state) % 3 ? random_number(&random_state)
                                                 : random_number(&random_state) % 64;
        for (unsigned i = 0; i < 20; i++)
            forge(ring.tail + random_number(&random_state) % 4096 * 8);
        ring_look(&ring);
        ring_has_hole(&ring);
        read_garbage();
        ring_skip(&ring, PMT_LOSS_TORN, random_number(&random_state) % 2);
        for (int reason = 0; reason < PMT_LOSS_COUNT; reason++)
            ring_lost(&ring, reason);
        assert_int_equal(ring.tail % PMT_RECORD_ALIGN, 0);
    }
}

static void test_garbage_data(void **state)
{
    (void)state;
    unsigned records = 0;
    for (unsigned round = 0; round < 100; round++) {
        uint32_t *words = (uint32_t *)ring.data,
                 reserved = random_number(&random_state) % CAPACITY & ~7u;
        ring.shared->head = ring.tail + reserved;
        for (unsigned i = 0; i < 20000; i++)
            words[random_number(&random_state) % (CAPACITY / 4)] = random_number(&random_state);
        for (unsigned i = 0; i < 2000 && reserved; i++)
            forge(ring.tail + (random_number(&random_state) % reserved & ~7u));
        forge(ring.tail);
        do
            records += read_garbage();
        while (ring_skip(&ring, PMT_LOSS_TORN, false));
        ring_skip(&ring, PMT_LOSS_TORN, true);
    }
    assert_true(records > 1000); /* some of the garbage looks like records: it did get that far */
}

/* A good record is found again behind garbage, and the loss is counted. */
static void test_recovery(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct emit bad[5];
        uint32_t lost = ring_lost(&ring, PMT_LOSS_CORRUPT);
        write_record(round);
        for (unsigned i = 0; i < 5; i++) {
            bad[i] = emit_begin(PMT_ALLOC_MALLOC_SIZE);
            for (unsigned w = 0; w < PMT_ALLOC_MALLOC_SIZE / 4; w++)
                ((uint32_t *)bad[i].record)[w] = random_number(&random_state);
            ((struct pmt_record *)bad[i].record)->type = PMT_RECORD_NONE;
            emit_end(&bad[i]);
        }
        write_record(round + 1);
        expect(round);
        assert_int_equal(ring_next(&ring), RING_CORRUPT);
        assert_true(ring_skip(&ring, PMT_LOSS_CORRUPT, true));
        expect(round + 1);
        assert_int_equal(ring_lost(&ring, PMT_LOSS_CORRUPT), lost + 1);
        ring_release(&ring);
    }
}

static void test_lost(void **state)
{
    (void)state;
    ring.shared->lost[PMT_LOSS_LOCK] = 3;
    ring.shared->lost[PMT_LOSS_CORRUPT] = 1;
    ring.lost[PMT_LOSS_CORRUPT] = 4;
    assert_int_equal(ring_lost(&ring, PMT_LOSS_LOCK), 3);
    assert_int_equal(ring_lost(&ring, PMT_LOSS_CORRUPT), 5);
    ring.shared->magic++; /* overwritten: no figure in there is believed, but that is a loss */
    assert_int_equal(ring_lost(&ring, PMT_LOSS_LOCK), 0);
    assert_int_equal(ring_lost(&ring, PMT_LOSS_CORRUPT), 5);
}

static void on_tick(int number)
{
    (void)number;
}

/* Signals come all the time while the memory is allocated. */
static void test_create_among_signals(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    int errors = 0;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 50; i++) {
        struct ring another;
        if (ring_create(&another, ring_memory(), PMT_CLOCK_MONOTONIC, 0) == 0)
            ring_destroy(&another);
        else
            errors++;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    assert_int_equal(errors, 0);
}

int main(void)
{
#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, create, destroy)
#define WITH_FENCE(test) cmocka_unit_test_setup_teardown(test, create_fenced, destroy_fenced)
    const struct CMUnitTest tests[] = {
        WITH_RING(test_create),         WITH_RING(test_order),
        WITH_RING(test_wrap),           WITH_RING(test_compact),
        WITH_RING(test_bad_compact),    WITH_RING(test_largest),
        WITH_RING(test_killed),         WITH_RING(test_hole),
        WITH_RING(test_slow_writer),    WITH_RING(test_many_holes),
        WITH_RING(test_stuck),          WITH_RING(test_runner_gone),
        WITH_RING(test_threads),        WITH_RING(test_waiting_threads),
        WITH_RING(test_wake),           WITH_FENCE(test_garbage_header),
        WITH_FENCE(test_garbage_data),  WITH_FENCE(test_recovery),
        WITH_RING(test_lost),           WITH_RING(test_plain_calls),
        WITH_RING(test_no_plain_calls), cmocka_unit_test(test_create_among_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
