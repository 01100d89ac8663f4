/* runner/model/images.c and what the model does with several process images: each has a map of its
 * own, a child begins with what its parent left, all are forgotten when they have ended. */
#include "runner/model/model.h"
#include "schemas/record_check.h"
#include "tests/unit/records.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h> /* needs the four above it */

#define PARENT 100u /* process ids */
#define CHILD 200u
#define THREAD 101u
#define WHOLE (PMT_SNAPSHOT_LAST | PMT_SNAPSHOT_WHOLE)

const struct symbol *symbols_resolve(struct symbols *symbols, const char *path, uint64_t offset,
                                     bool exact)
{
    static const struct symbol nothing;
    (void)symbols, (void)path, (void)offset, (void)exact;
    return &nothing;
}

/* ---- what the model tells, as text ---- */

static char said[1 << 16];
static struct model model;
static size_t inherited; /* regions, when the last first look was told */

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    size_t used = strlen(said);
    va_list list;
    va_start(list, format);
    vsnprintf(said + used, sizeof said - used, format, list);
    va_end(list);
}

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     unsigned changes)
{
    (void)view, (void)changes;
    if (event->record->type == PMT_RECORD_EXIT)
        say("%u: exit, %" PRIu64 " changes, %zu blocks\n", m->image->number,
            m->image->ledger.changes, m->image->allocations.count);
    if (event->record->type == PMT_RECORD_SNAPSHOT)
        inherited = m->image->inherited.list.count;
}

static void on_change(struct view *view, const struct model *m, const struct change *change)
{
    const struct region *r = change->after ? change->after : change->before;
    (void)view;
    say("%u: %s %s %s%s\n", m->image->number, change_name(change->type), kind_name(r->kind),
        cause_name(&change->cause), change->library ? " L" : "");
}

static void on_library(struct view *view, const struct model *m, const struct library *library)
{
    (void)view;
    say("%u: %s %s %zu %" PRIx64 "\n", m->image->number, library->loaded ? "loaded" : "unloaded",
        library_name(library), library->regions.count, library_size(library));
}

static void on_forget(struct view *view, const struct model *m)
{
    (void)view;
    say("%u: forgotten%s\n", m->image->number, m->image->ended ? "" : " alive");
    free(m->image->shown[view->index]);
}

static void on_flush(struct view *view)
{
    (void)view;
}

static int on_close(struct view *view, const struct model *m)
{
    assert_null(m->image);
    free(view);
    return 0;
}

static void check_said(const char *want)
{
    if (strcmp(said, want) != 0)
        fail_msg("said:\n%snot:\n%s", said, want);
    said[0] = '\0';
}

static int create(void **state)
{
    (void)state;
    said[0] = '\0';
    struct view *view = calloc(1, sizeof *view);
    *view = (struct view){.event = on_event,
                          .change = on_change,
                          .library = on_library,
                          .forget = on_forget,
                          .flush = on_flush,
                          .close = on_close};
    model_init(&model, NULL);
    model_add_view(&model, view);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    return model_close(&model);
}

/* ---- records ---- */

static union record u;
static uint64_t now_ns;

static void send(uint32_t image, uint32_t tid)
{
    u.r.tid = tid;
    assert_true(record_valid(&u.r, sizeof u));
    struct event event = {.record = &u.r, .t_ns = now_ns += 10, .pid = tid, .image = image};
    model_event(&model, &event);
}

static void process(uint32_t image, uint32_t pid, enum pmt_origin origin, uint32_t ppid,
                    uint32_t fork_id)
{
    sample_process(&u, 128 << 10);
    u.process.pid = pid;
    u.process.ppid = ppid;
    u.process.origin = (uint8_t)origin;
    u.process.fork_id = fork_id;
    memset(u.process.tracer, 0, sizeof u.process.tracer);
    send(image, pid);
}

static void look(uint32_t image, uint32_t tid, enum pmt_reason reason, enum pmt_call within,
                 uint64_t lo, uint64_t hi, const char *text)
{
    record_start(&u, PMT_RECORD_SNAPSHOT, reason, sizeof u.snapshot);
    u.snapshot.lo = lo;
    u.snapshot.hi = hi ? hi : UINT64_MAX;
    u.snapshot.flags = hi ? PMT_SNAPSHOT_LAST : WHOLE;
    u.snapshot.within = (struct pmt_within){.call = (uint8_t)within, .size = 160000};
    sample_regions(&u, text);
    send(image, tid);
}

static void map(uint32_t image, uint32_t tid, enum pmt_call within, uint64_t at, uint64_t size,
                unsigned flags, const char *text)
{
    sample_kernel(&u, PMT_CALL_MMAP, (int64_t)at, within, "");
    u.kernel.args[1] = size;
    u.kernel.args[3] = flags;
    u.kernel.within.size = size;
    send(image, tid);
    look(image, tid, PMT_REASON_KERNEL, PMT_CALL_NONE, at - 0x1000, at + size + 0x1000, text);
}

static void allocate(uint32_t image, uint32_t tid, uint64_t addr, uint64_t size)
{
    sample_alloc(&u, PMT_CALL_MALLOC, PMT_ALLOC_MALLOC_SIZE, addr, 0x21, size);
    send(image, tid);
}

static void release(uint32_t image, uint32_t tid, uint64_t addr)
{
    sample_alloc(&u, PMT_CALL_FREE, PMT_ALLOC_FREE_SIZE, addr, 0x21, 0);
    send(image, tid);
}

static void stack(uint32_t image, uint32_t tid, uint32_t id)
{
    sample_stack(&u, 3);
    u.r.stack_id = id;
    send(image, tid);
}

static void fork_call(uint32_t image, uint32_t tid, uint32_t fork_id)
{
    record_start(&u, PMT_RECORD_FORK, PMT_CALL_FORK, sizeof u.fork);
    u.fork.fork_id = fork_id;
    send(image, tid);
}

static void thread(uint32_t image, uint32_t tid, enum pmt_thread_event what, uint64_t address)
{
    record_start(&u, PMT_RECORD_THREAD, 0, sizeof u.thread);
    u.thread.event = what;
    u.thread.creator = PARENT;
    u.thread.stack = address;
    send(image, tid);
}

static void end(uint32_t image, uint32_t tid, enum pmt_end how)
{
    record_start(&u, PMT_RECORD_EXIT, 0, sizeof u.exit);
    u.exit.end = how;
    send(image, tid);
}

#define PROGRAM                                                                                    \
    "56555000-56556000 r-xp /home/ann/map3\n"                                                      \
    "56558000-56559000 rw-p /home/ann/map3\n"                                                      \
    "5655b000-5657d000 rw-p [heap]\n"
#define BLOCK "e0000000-e0028000 rw-p\n"
#define STACKS "e1000000-e1001000 ---p\ne1001000-e1801000 rw-p\n"
#define REST "fffdd000-ffffe000 rw-p [stack]\n"

/* The parent, with a large block and the stack of a thread. */
static int start(void **state)
{
    create(state);
    process(1, PARENT, PMT_ORIGIN_START, 1, 0);
    look(1, PARENT, PMT_REASON_START, PMT_CALL_NONE, 0, 0, PROGRAM REST);
    map(1, PARENT, PMT_CALL_MALLOC, 0xe0000000, 0x28000, MAP_PRIVATE, BLOCK);
    allocate(1, PARENT, 0xe0000008, 160000);
    map(1, PARENT, PMT_CALL_PTHREAD_CREATE, 0xe1000000, 0x801000, MAP_STACK, STACKS);
    check_said("1: added malloc_mmap malloc\n1: added thread_stack pthread_create\n"
               "1: added thread_stack pthread_create\n");
    return 0;
}

static const struct region *region_at(uint32_t image, uint64_t address)
{
    assert_true(model_select(&model, image));
    const struct region *r = regions_find(&model.image->map, address);
    assert_non_null(r);
    return r;
}

#define CHECK_KIND(image, address, want)                                                           \
    assert_string_equal(kind_name(region_at(image, address)->kind), want)

/* ---- tests ---- */

/* Two images take turns: neither's changes, blocks or waiting calls touch the other's. */
static void test_interleaved(void **state)
{
    (void)state;
    process(2, CHILD, PMT_ORIGIN_EXEC, PARENT, 0);
    look(2, CHILD, PMT_REASON_START, PMT_CALL_NONE, 0, 0, PROGRAM REST);
    map(1, PARENT, PMT_CALL_MALLOC, 0xd0000000, 0x28000, MAP_PRIVATE, "d0000000-d0028000 rw-p\n");
    map(2, PARENT, PMT_CALL_CALLOC, 0xd0000000, 0x9000, MAP_PRIVATE, "d0000000-d0009000 rw-p\n");
    check_said(""); /* both wait for their call: of the same thread number, in different images */
    allocate(2, PARENT, 0xd0000008, 30000);
    check_said("2: added malloc_mmap calloc\n");
    assert_int_equal(model.image->allocations.count, 1);
    allocate(1, PARENT, 0xd0000008, 160000);
    check_said("1: added malloc_mmap malloc\n");
    assert_int_equal(region_size(region_at(1, 0xd0000000)), 0x28000);
    assert_int_equal(region_size(region_at(2, 0xd0000000)), 0x9000);
    assert_int_equal(model.image->ledger.changes, 1);
    end(2, CHILD, PMT_END_EXIT);
    check_said("2: exit, 1 changes, 1 blocks\n2: forgotten\n");
    assert_true(model.images.count > 0);
    end(1, PARENT, PMT_END_EXIT);
    check_said("1: exit, 4 changes, 2 blocks\n1: forgotten\n");
    assert_int_equal(model.images.count, 0);
}

/* Image 0 is the first; what is not known, not known any more, or known already is only counted. */
static void test_unknown_images(void **state)
{
    (void)state;
    allocate(0, PARENT, 0x5655b010, 20);
    assert_int_equal(model.image->number, 1);
    assert_int_equal(model.image->allocations.count, 2);
    allocate(7, PARENT, 0x5655b030, 20);
    assert_int_equal(model.ignored, 1);
    process(1, CHILD, PMT_ORIGIN_START, 0, 0);
    assert_int_equal(model.ignored, 2);
    assert_true(model_select(&model, 1));
    assert_int_equal(model.image->pid, PARENT);
    end(1, PARENT, PMT_END_EXIT);
    allocate(1, PARENT, 0x5655b030, 20);
    end(1, PARENT, PMT_END_EXIT);
    assert_int_equal(model.ignored, 4);
    assert_false(model_select(&model, 1));
    assert_false(model_only_counts(&model));
    check_said("1: exit, 3 changes, 2 blocks\n1: forgotten\n");
}

/* The kinds that nobody could tell from a child's map alone, blocks, stacks, the threshold. */
static void test_fork(void **state)
{
    (void)state;
    thread(1, THREAD, PMT_THREAD_START, 0xe1400000);
    stack(1, PARENT, 5);
    model.image->thresholds.mmap = 256 << 10; /* as a large free would have moved it */
    fork_call(1, THREAD, 4);
    allocate(1, PARENT, 0x5655b010, 20); /* not the child's any more */
    stack(1, PARENT, 6);                 /* another thread's, before the system call */
    process(2, CHILD, PMT_ORIGIN_FORK, PARENT, 4);
    assert_int_equal(model.image->number, 2);
    assert_int_equal(model.image->allocations.count, 1);
    assert_int_equal(model.image->allocations.bytes, 160000);
    assert_int_equal(model.image->thresholds.mmap, 256 << 10);
    assert_non_null(stacks_find(&model.image->stacks, 5));
    assert_non_null(stacks_find(&model.image->stacks, 6));
    look(2, CHILD, PMT_REASON_START, PMT_CALL_NONE, 0, 0,
         PROGRAM BLOCK STACKS "e2000000-e2001000 rw-p\n" REST);
    assert_true(inherited > 0); /* a view can compare */
    assert_int_equal(model.image->inherited.list.count, 0);
    CHECK_KIND(2, 0xe0000000, "malloc_mmap");
    CHECK_KIND(2, 0xe1001000, "thread_stack");
    CHECK_KIND(2, 0xe2000000, "anonymous");
    assert_int_equal(region_at(1, 0xe1001000)->tid, THREAD);
    assert_int_equal(region_at(2, 0xe1001000)->tid, CHILD); /* its only thread is that one */
    release(2, CHILD, 0xe0000008);
    assert_int_equal(model.image->allocations.count, 0);
    assert_true(model_select(&model, 1));
    assert_int_equal(model.image->allocations.count, 2);
    check_said("");
}

/* The stacks of the parent's other threads are there, but nobody's. */
static void test_fork_by_main_thread(void **state)
{
    (void)state;
    thread(1, THREAD, PMT_THREAD_START, 0xe1400000);
    fork_call(1, PARENT, 1);
    process(2, CHILD, PMT_ORIGIN_FORK, PARENT, 1);
    look(2, CHILD, PMT_REASON_START, PMT_CALL_NONE, 0, 0, PROGRAM BLOCK STACKS REST);
    CHECK_KIND(2, 0xe1001000, "thread_stack");
    assert_int_equal(region_at(2, 0xe1001000)->tid, 0);
    CHECK_KIND(2, 0xfffdd000, "stack");
}

/* What the child has otherwise than its parent had is not taken over. */
static void test_fork_of_a_changed_map(void **state)
{
    (void)state;
    fork_call(1, PARENT, 1);
    process(2, CHILD, PMT_ORIGIN_FORK, PARENT, 1);
    look(2, CHILD, PMT_REASON_START, PMT_CALL_NONE, 0, 0,
         PROGRAM "e0000000-e0028000 r-xp /lib/libx.so\ne1000000-e1001000 rw-p\n" REST);
    CHECK_KIND(2, 0xe0000000, "lib_code");
    CHECK_KIND(2, 0xe1000000, "anonymous");
}

/* Each child gets what was there at its own fork; of a parent at most eight wait to be claimed. */
static void test_several_forks(void **state)
{
    (void)state;
    for (uint32_t id = 1; id <= 10; id++) {
        fork_call(1, PARENT, id);
        allocate(1, PARENT, 0x5655b000 + 16 * id, 20);
    }
    uint32_t image = 2;
    for (uint32_t id = 10; id >= 1; id--, image++) {
        process(image, CHILD + id, PMT_ORIGIN_FORK, PARENT, id);
        assert_int_equal(model.image->allocations.count, id > 2 ? id : 0);
    }
    process(image, CHILD, PMT_ORIGIN_FORK, PARENT, 10); /* claimed already */
    assert_int_equal(model.image->allocations.count, 0);
    process(image + 1, CHILD + 1, PMT_ORIGIN_FORK, 77, 9); /* another parent */
    assert_int_equal(model.image->allocations.count, 0);
}

/* A daemon: the parent is gone before the child says its first word. */
static void test_orphan(void **state)
{
    (void)state;
    fork_call(1, PARENT, 1);
    stack(1, PARENT, 5);
    end(1, PARENT, PMT_END_EXIT);
    process(2, CHILD, PMT_ORIGIN_FORK, PARENT, 1);
    assert_int_equal(model.image->allocations.count, 1);
    look(2, CHILD, PMT_REASON_START, PMT_CALL_NONE, 0, 0, PROGRAM BLOCK REST);
    CHECK_KIND(2, 0xe0000000, "malloc_mmap");
    check_said("1: exit, 3 changes, 1 blocks\n1: forgotten\n");
}

static void test_orphans_are_limited(void **state)
{
    (void)state;
    end(1, PARENT, PMT_END_EXIT);
    for (uint32_t i = 2; i < 200; i++) {
        process(i, CHILD + i, PMT_ORIGIN_START, 1, 0);
        allocate(i, CHILD + i, 0x5655b010, 20);
        fork_call(i, CHILD + i, 1);
        end(i, CHILD + i, PMT_END_EXIT);
    }
    process(500, 1, PMT_ORIGIN_FORK, CHILD + 2, 1);
    assert_int_equal(model.image->allocations.count, 0);
    process(501, 2, PMT_ORIGIN_FORK, CHILD + 199, 1);
    assert_int_equal(model.image->allocations.count, 1);
}

/* Another program in the same process: nothing is left of the first but the number. */
static void test_exec(void **state)
{
    (void)state;
    end(1, PARENT, PMT_END_EXEC);
    assert_int_equal(model.images.count, 0);
    process(2, PARENT, PMT_ORIGIN_EXEC, 1, 0);
    assert_true(model.images.count > 0);
    assert_true(model.image->of_first);
    assert_int_equal(model.image->map.list.count, 0);
    assert_int_equal(model.image->allocations.count, 0);
    assert_int_equal(model.image->ledger.changes, 0);
    look(2, PARENT, PMT_REASON_START, PMT_CALL_NONE, 0, 0, PROGRAM BLOCK REST);
    CHECK_KIND(2, 0xe0000000, "anonymous");
    process(3, CHILD, PMT_ORIGIN_EXEC, PARENT, 0);
    assert_false(model.image->of_first);
    assert_int_equal(model.images.total, 3);
    check_said("1: exit, 3 changes, 1 blocks\n1: forgotten\n");
}

/* Children may be heard of in another order than they were numbered in. */
static void test_numbers_out_of_order(void **state)
{
    (void)state;
    process(9, CHILD, PMT_ORIGIN_EXEC, PARENT, 0);
    process(4, CHILD + 1, PMT_ORIGIN_EXEC, PARENT, 0);
    for (uint32_t i = 0; i < 3; i++) {
        static const uint32_t numbers[] = {1, 4, 9};
        assert_true(model_select(&model, numbers[i]));
        assert_int_equal(model.image->number, numbers[i]);
    }
    assert_false(model_select(&model, 5));
    end(4, CHILD + 1, PMT_END_EXIT);
    assert_true(model_select(&model, 9));
}

/* The end of the trace: what waits is told, then each image is forgotten, in order. */
static void test_close(void **state)
{
    create(state);
    process(1, PARENT, PMT_ORIGIN_START, 1, 0);
    process(3, CHILD, PMT_ORIGIN_EXEC, PARENT, 0);
    process(2, CHILD, PMT_ORIGIN_EXEC, PARENT, 0);
    look(3, CHILD, PMT_REASON_START, PMT_CALL_NONE, 0, 0, PROGRAM);
    map(3, CHILD, PMT_CALL_MALLOC, 0xe0000000, 0x28000, MAP_PRIVATE, BLOCK);
    assert_int_equal(model_close(&model), 0);
    check_said("1: forgotten alive\n2: forgotten alive\n3: added malloc_mmap malloc\n"
               "3: forgotten alive\n");
}

/* A compact record counts for the image that was selected. */
static void test_count(void **state)
{
    (void)state;
    process(2, CHILD, PMT_ORIGIN_EXEC, PARENT, 0);
    struct plain_call call = {
        .tid = CHILD, .call = PMT_CALL_MALLOC, .addr = 0x5655b010, .chunk = 0x21, .size = 20};
    assert_false(model_only_counts(&model)); /* the view wants to know */
    model.image->skipped_by = 1;
    assert_true(model_only_counts(&model));
    model_count(&model, &call, now_ns);
    assert_int_equal(model.image->allocations.count, 1);
    assert_true(model_select(&model, 1));
    assert_false(model_only_counts(&model)); /* each image by itself */
    assert_int_equal(model.image->ledger.allocations, 1);
    assert_true(model_select(&model, 2));
    call.call = PMT_CALL_FREE;
    model_count(&model, &call, now_ns);
    assert_int_equal(model.image->ledger.frees, 1);
    assert_int_equal(model.image->allocations.count, 0);
}

/* ---- threads ---- */

static void test_thread(void **state)
{
    (void)state;
    const struct region *before = region_keep((struct region *)region_at(1, 0xe1001000));
    thread(1, THREAD, PMT_THREAD_START, 0xe1400000);
    assert_int_equal(region_at(1, 0xe1001000)->tid, THREAD);
    assert_int_equal(before->tid, 0); /* what has been told stays as it was */
    region_drop((struct region *)before);
    thread(1, THREAD, PMT_THREAD_END, 0);
    look(1, PARENT, PMT_REASON_KERNEL, PMT_CALL_NONE, 0xe1001000, 0xe1802000,
         "e1001000-e1002000 r--p\ne1002000-e1801000 rw-p\n");
    assert_int_equal(region_at(1, 0xe1002000)->tid, THREAD); /* the last that had it */
    thread(1, THREAD + 1, PMT_THREAD_START, 0xe1400000);
    assert_int_equal(region_at(1, 0xe1002000)->tid, THREAD + 1);
    thread(1, THREAD + 2, PMT_THREAD_START, 0x100); /* nothing there */
    thread(1, THREAD + 3, PMT_THREAD_START, 0x5655b100);
    CHECK_KIND(1, 0x5655b100, "heap");  /* a stack that the program gave, in a block of malloc */
    thread(1, 9999, PMT_THREAD_END, 0); /* nobody knows it */
}

/* Not glibc's: nothing says what the memory is for but the thread that runs on it. */
static void test_thread_on_anonymous_memory(void **state)
{
    (void)state;
    map(1, PARENT, PMT_CALL_NONE, 0xd0000000, 0x5000, MAP_PRIVATE,
        "d0000000-d0001000 ---p\nd0001000-d0005000 rw-p\n");
    CHECK_KIND(1, 0xd0001000, "anonymous");
    thread(1, THREAD, PMT_THREAD_START, 0xd0004ff0);
    CHECK_KIND(1, 0xd0001000, "thread_stack");
    CHECK_KIND(1, 0xd0000000, "guard");
    assert_int_equal(region_at(1, 0xd0001000)->tid, THREAD);
}

/* A thread that ends in the middle of malloc: its changes are told, its number may come again. */
static void test_thread_ends_in_a_call(void **state)
{
    (void)state;
    map(1, THREAD, PMT_CALL_MALLOC, 0xd0000000, 0x28000, MAP_PRIVATE, "d0000000-d0028000 rw-p\n");
    check_said("");
    thread(1, THREAD, PMT_THREAD_END, 0);
    check_said("1: added malloc_mmap malloc\n");
    map(1, THREAD, PMT_CALL_CALLOC, 0xd1000000, 0x28000, MAP_PRIVATE, "d1000000-d1028000 rw-p\n");
    allocate(1, THREAD, 0xd1000008, 160000);
    check_said("1: added malloc_mmap calloc\n");
}

/* ---- where system calls are not seen ---- */

#define CALL_LOOK(within, text) look(1, PARENT, PMT_REASON_CALL, within, 0, 0, text)

/* The look within the call waits for its record like a system call's; kinds follow from the
 * call. */
static void test_looks_after_calls(void **state)
{
    (void)state;
    CALL_LOOK(PMT_CALL_MALLOC, PROGRAM "d0000000-d0028000 rw-p\n" BLOCK STACKS REST);
    check_said("");
    allocate(1, PARENT, 0xd0000008, 160000);
    check_said("1: added malloc_mmap malloc\n");
    release(1, PARENT, 0xd0000008);
    CALL_LOOK(PMT_CALL_FREE, PROGRAM BLOCK STACKS REST);
    check_said("1: removed malloc_mmap free\n");
    thread(1, THREAD + 1, PMT_THREAD_START, 0xd000fff0);
    CALL_LOOK(PMT_CALL_PTHREAD_CREATE,
              PROGRAM "d0000000-d0001000 ---p\nd0001000-d0010000 rw-p\n" BLOCK STACKS REST);
    check_said("1: added guard pthread_create\n1: added thread_stack pthread_create\n");
    assert_int_equal(region_at(1, 0xd0001000)->tid, THREAD + 1); /* told of before its stack */
    CALL_LOOK(PMT_CALL_MALLOC, PROGRAM "d0000000-d0001000 ---p\nd0001000-d0010000 rw-p\n"
                                       "d0100000-d0121000 rw-p\nd0121000-d0200000 ---p\n"
                                       "d0300000-d0301000 r--p /home/ann/data\n" BLOCK STACKS REST);
    check_said("1: added mapped_file unattributed\n"); /* no allocator maps a file */
    allocate(1, PARENT, 0xd0100468, 100);
    check_said("1: added malloc_arena malloc\n1: added malloc_arena malloc\n");
}

/* ---- libraries ---- */

#define LIBM "d0000000-d0001000 r-xp /lib/libm.so.6\nd0001000-d0002000 rw-p /lib/libm.so.6\n"
#define LIBM_BSS "d0002000-d0004000 rw-p\n"
#define CACHE "d0008000-d0009000 r--s /lib/gconv-modules.cache\n"
#define LIBX "d0010000-d0011000 r-xp /lib/libx.so\nd0011000-d0015000 rw-p /lib/libx.so\n"
#define LOADER_LOOK(within, text) look(1, PARENT, PMT_REASON_LOADER, within, 0, 0, text)

/* Each with its regions, right before them; files that are no libraries keep lines of their own. */
static void test_libraries(void **state)
{
    (void)state;
    LOADER_LOOK(PMT_CALL_DLOPEN, PROGRAM LIBM LIBM_BSS CACHE LIBX BLOCK STACKS REST);
    check_said(
        "1: loaded libm.so.6 3 4000\n1: added lib_code dlopen L\n1: added lib_data dlopen L\n"
        "1: added lib_bss dlopen L\n1: added mapped_file dlopen\n"
        "1: loaded libx.so 2 5000\n1: added lib_code dlopen L\n1: added lib_data dlopen L\n");
    assert_int_equal(model.image->ledger.changes, 3 + 6); /* the library itself is no change */
    LOADER_LOOK(PMT_CALL_DLCLOSE, PROGRAM CACHE LIBX BLOCK STACKS REST);
    check_said("1: unloaded libm.so.6 3 4000\n1: removed lib_code dlclose L\n"
               "1: removed lib_data dlclose L\n1: removed lib_bss dlclose L\n");
}

/* One goes while another comes in its place: two groups. */
static void test_libraries_change_places(void **state)
{
    (void)state;
    LOADER_LOOK(PMT_CALL_LOADER, PROGRAM LIBM BLOCK STACKS REST);
    said[0] = '\0';
    LOADER_LOOK(PMT_CALL_NONE, PROGRAM "d0000000-d0001000 r-xp /lib/libx.so\n"
                                       "d0001000-d0003000 rw-p /lib/libx.so\n" BLOCK STACKS REST);
    check_said("1: unloaded libm.so.6 2 2000\n1: removed lib_code ld.so L\n"
               "1: removed lib_data ld.so L\n1: loaded libx.so 2 3000\n"
               "1: added lib_code ld.so L\n1: added lib_data ld.so L\n");
}

/* Without the loader it is a file like any other. */
static void test_mapped_library(void **state)
{
    (void)state;
    map(1, PARENT, PMT_CALL_NONE, 0xd0000000, 0x1000, MAP_PRIVATE,
        "d0000000-d0001000 r-xp /lib/libm.so.6\n");
    check_said("1: added lib_code mmap\n");
}

static void map_by_loader(uint32_t tid, uint64_t at, uint64_t size, unsigned flags,
                          const char *text)
{
    sample_kernel(&u, PMT_CALL_MMAP, (int64_t)at, PMT_CALL_DLOPEN, "");
    u.kernel.args[0] = flags & MAP_FIXED ? at : 0;
    u.kernel.args[1] = size;
    u.kernel.args[3] = MAP_PRIVATE | flags;
    u.kernel.within.by_loader = 1;
    send(1, tid);
    uint64_t lo = flags & MAP_FIXED ? 0xd0000000 : at; /* of the library */
    look(1, tid, PMT_REASON_KERNEL, PMT_CALL_DLOPEN, lo - 0x1000, at + size + 0x1000, text);
}

#define PLACE "d0000000-d0004000 r-xp /lib/libm.so.6\n"
#define PARTS "d0000000-d0002000 r-xp /lib/libm.so.6\nd0002000-d0004000 rw-p /lib/libm.so.6\n"
#define WITH_BSS                                                                                   \
    "d0000000-d0002000 r-xp /lib/libm.so.6\nd0002000-d0003000 rw-p /lib/libm.so.6\n"               \
    "d0003000-d0004000 rw-p\n"
#define TOLD                                                                                       \
    "1: loaded libm.so.6 3 4000\n1: added lib_code dlopen L\n1: split lib_code dlopen L\n"         \
    "1: protection lib_data dlopen L\n1: shrunk lib_data dlopen L\n1: added lib_bss dlopen L\n"

static void load(uint32_t tid)
{
    map_by_loader(tid, 0xd0000000, 0x4000, 0, PLACE);
    map_by_loader(tid, 0xd0002000, 0x2000, MAP_FIXED, PARTS);
    map_by_loader(tid, 0xd0003000, 0x1000, MAP_FIXED | MAP_ANONYMOUS, WITH_BSS);
}

/* Its steps wait until the thread does something else, whatever others do meanwhile, and are told
 * below it. */
static void test_library_call_by_call(void **state)
{
    (void)state;
    load(THREAD);
    allocate(1, PARENT, 0x5655b010, 20);
    check_said("");
    allocate(1, THREAD, 0x5655b030, 20);
    check_said(TOLD);
    sample_kernel(&u, PMT_CALL_MUNMAP, 0, PMT_CALL_DLCLOSE, "");
    u.kernel.args[0] = 0xd0000000;
    u.kernel.args[1] = 0x4000;
    u.kernel.within.by_loader = 1;
    send(1, THREAD);
    look(1, THREAD, PMT_REASON_KERNEL, PMT_CALL_DLCLOSE, 0xcffff000, 0xd0005000, "");
    check_said("1: unloaded libm.so.6 3 4000\n1: removed lib_code dlclose L\n"
               "1: removed lib_data dlclose L\n1: removed lib_bss dlclose L\n");
}

/* One right after the other; and the end of the image, of the thread. */
static void test_libraries_call_by_call(void **state)
{
    (void)state;
    load(PARENT);
    map_by_loader(PARENT, 0xd0010000, 0x1000, 0, "d0010000-d0011000 r-xp /lib/libx.so\n");
    check_said(TOLD);
    thread(1, PARENT, PMT_THREAD_END, 0);
    check_said("1: loaded libx.so 1 1000\n1: added lib_code dlopen L\n");
    map_by_loader(PARENT, 0xd0020000, 0x1000, 0, "d0020000-d0021000 r-xp /lib/liby.so\n");
    end(1, PARENT, PMT_END_EXIT);
    check_said("1: loaded liby.so 1 1000\n1: added lib_code dlopen L\n"
               "1: exit, 10 changes, 1 blocks\n1: forgotten\n");
}

int main(void)
{
#define STARTED(test) cmocka_unit_test_setup_teardown(test, start, finish)
    const struct CMUnitTest tests[] = {
        STARTED(test_interleaved),
        STARTED(test_unknown_images),
        STARTED(test_fork),
        STARTED(test_fork_by_main_thread),
        STARTED(test_fork_of_a_changed_map),
        STARTED(test_several_forks),
        STARTED(test_orphan),
        STARTED(test_orphans_are_limited),
        STARTED(test_exec),
        STARTED(test_numbers_out_of_order),
        cmocka_unit_test(test_close),
        STARTED(test_count),
        STARTED(test_thread),
        STARTED(test_thread_on_anonymous_memory),
        STARTED(test_thread_ends_in_a_call),
        STARTED(test_looks_after_calls),
        STARTED(test_libraries),
        STARTED(test_libraries_change_places),
        STARTED(test_mapped_library),
        STARTED(test_library_call_by_call),
        STARTED(test_libraries_call_by_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
