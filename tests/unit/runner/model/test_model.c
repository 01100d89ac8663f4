/* runner/model: from records, as the shim would write them, to kinds,
 * changes, causes and sums. A view of this test's own notes what the model tells. */
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

#define PAGE 0x1000ull
#define A 100u /* two threads */
#define B 200u

const struct symbol *symbols_resolve(struct symbols *symbols, const char *path, uint64_t offset,
                                     bool exact)
{
    static const struct symbol nothing;
    (void)symbols, (void)path, (void)offset, (void)exact;
    return &nothing;
}

/* ---- what the model tells ---- */

struct note {
    bool is_change;
    unsigned type;    /* of the record, or of the change */
    unsigned changes; /* announced with an event */
    uint64_t seq, t_ns, before_start, after_start;
    int64_t delta;
    uint32_t tid;
    enum kind kind; /* of `after`, else of `before` */
    bool tracer;
    struct cause cause;
    uint32_t image;
    bool is_library, loaded;
    char library[64];
    size_t regions;
};

#define NOTES 256

static struct note notes[NOTES];
static size_t note_count;
static unsigned flushes, closes, announced;
static int close_result;
static struct model model;

static struct ledger last_ledger; /* of the image that was forgotten last */
static uint32_t forgotten[NOTES], forgotten_count;

static struct note *new_note(const struct model *m)
{
    assert_true(note_count < NOTES);
    if (note_count)
        assert_true(m->seq > notes[note_count - 1].seq);
    struct note *n = memset(&notes[note_count++], 0, sizeof *notes);
    n->seq = m->seq;
    n->image = m->image->number;
    return n;
}

static void note_event(struct view *view, const struct model *m, const struct event *event,
                       unsigned changes)
{
    (void)view;
    assert_int_equal(announced, 0);
    struct note *n = new_note(m);
    n->type = event->record->type;
    n->changes = announced = changes;
    n->t_ns = event->t_ns;
    n->tid = event->record->tid;
}

static void note_change(struct view *view, const struct model *m, const struct change *change)
{
    (void)view;
    struct note *n = new_note(m);
    announced -= announced > 0;
    n->is_change = true;
    n->type = change->type;
    n->t_ns = change->t_ns;
    n->before_start = change->before ? change->before->raw.start : 0;
    n->after_start = change->after ? change->after->raw.start : 0;
    n->kind = change->after ? change->after->kind : change->before->kind;
    n->delta = change->delta;
    n->tid = change->tid;
    n->tracer = change->tracer;
    n->cause = change->cause;
    if (change->library)
        snprintf(n->library, sizeof n->library, "%s", change->library);
}

static void note_library(struct view *view, const struct model *m, const struct library *library)
{
    (void)view;
    struct note *n = new_note(m);
    n->is_library = true;
    n->loaded = library->loaded;
    n->regions = library->regions.count;
    n->delta = (int64_t)library_size(library);
    n->cause = library->change->cause;
    snprintf(n->library, sizeof n->library, "%s", library_name(library));
}

static void note_forget(struct view *view, const struct model *m)
{
    (void)view;
    assert_true(forgotten_count < NOTES);
    forgotten[forgotten_count++] = m->image->number;
    last_ledger = m->image->ledger;
}

static void note_flush(struct view *view)
{
    (void)view;
    flushes++;
}

static int note_close(struct view *view, const struct model *m)
{
    assert_ptr_equal(m, &model);
    free(view);
    closes++;
    return close_result;
}

static struct view *new_view(void)
{
    struct view *view = calloc(1, sizeof *view);
    *view = (struct view){.event = note_event,
                          .change = note_change,
                          .library = note_library,
                          .forget = note_forget,
                          .flush = note_flush,
                          .close = note_close};
    return view;
}

static const struct note *last(void)
{
    assert_true(note_count > 0);
    return &notes[note_count - 1];
}

/* The only change among the notes from `from` on. */
static const struct note *only_change(size_t from)
{
    const struct note *found = NULL;
    for (; from < note_count; from++) {
        if (!notes[from].is_change)
            continue;
        assert_null(found);
        found = &notes[from];
    }
    assert_non_null(found);
    return found;
}

static size_t changes_since(size_t from)
{
    size_t count = 0;
    for (; from < note_count; from++)
        count += notes[from].is_change;
    return count;
}

/* ---- records ---- */

static union record u;
static uint64_t now_ns;
static uint32_t sent_image; /* that send() sends for; 0 is 1 */

static void send_began(uint32_t tid, uint64_t began_ns)
{
    u.r.tid = tid;
    assert_true(record_valid(&u.r, sizeof u));
    struct event event = {.record = &u.r,
                          .t_ns = now_ns += 10,
                          .began_ns = began_ns,
                          .pid = SAMPLE_PID,
                          .image = sent_image};
    model_live_event(&model, &event);
}

static void send(uint32_t tid)
{
    send_began(tid, 0);
}

static void look_within(uint32_t tid, enum pmt_reason reason, uint64_t lo, uint64_t hi,
                        unsigned flags, enum pmt_call within, const char *text)
{
    record_start(&u, PMT_RECORD_SNAPSHOT, reason, sizeof u.snapshot);
    u.snapshot.lo = lo;
    u.snapshot.hi = hi;
    u.snapshot.flags = flags;
    u.snapshot.within.call = (uint8_t)within;
    u.r.stack_id = 3;
    sample_regions(&u, text);
    send(tid);
}

static void look(uint32_t tid, enum pmt_reason reason, uint64_t lo, uint64_t hi, const char *text)
{
    look_within(tid, reason, lo, hi, PMT_SNAPSHOT_LAST, PMT_CALL_NONE, text);
}

#define KERNEL_LOOK(tid, lo, hi, text) look(tid, PMT_REASON_KERNEL, lo, hi, text)

/* A system call of the kernel, as it was made inside `within`(size). */
static uint64_t kernel(uint32_t tid, enum pmt_call call, enum pmt_call within, uint64_t size,
                       int64_t result, uint64_t address, uint64_t length, uint64_t flags)
{
    record_start(&u, PMT_RECORD_KERNEL, call, sizeof u.kernel);
    u.kernel.args[0] = address;
    u.kernel.args[1] = length;
    u.kernel.args[2] = call == PMT_CALL_MREMAP ? 2 * length : 0;
    u.kernel.args[3] = flags;
    u.kernel.result = result;
    u.kernel.old_brk = 0x5657d000;
    u.kernel.within = (struct pmt_within){.call = (uint8_t)within, .size = size};
    u.r.stack_id = 7;
    send(tid);
    return model.seq;
}

static void alloc(uint32_t tid, enum pmt_call call, uint64_t addr, uint64_t chunk, uint64_t size)
{
    size_t record_size = call == PMT_CALL_FREE     ? PMT_ALLOC_FREE_SIZE
                         : call <= PMT_CALL_CALLOC ? PMT_ALLOC_MALLOC_SIZE
                                                   : sizeof u.alloc;
    sample_alloc(&u, call, record_size, addr, chunk, size);
    u.r.stack_id = 8;
    send(tid);
}

static void reallocate(uint32_t tid, uint64_t old, uint64_t addr, uint64_t size, uint64_t began,
                       unsigned error)
{
    sample_alloc(&u, PMT_CALL_REALLOC, sizeof u.alloc, addr, 0, size);
    u.alloc.old_addr = old;
    u.alloc.error = error;
    send_began(tid, began);
}

/* ---- the program ---- */

#define PROGRAM                                                                                    \
    "56555000-56556000 r--p /home/ann/map3\n"                                                      \
    "56556000-56557000 r-xp /home/ann/map3\n"                                                      \
    "56558000-56559000 rw-p /home/ann/map3\n"                                                      \
    "56559000-5655b000 rw-p\n"
#define HEAP "5655b000-5657d000 rw-p [heap]\n"
#define LIBRARY                                                                                    \
    "f7a00000-f7a20000 r--p /lib/libc.so.6\n"                                                      \
    "f7a20000-f7b80000 r-xp /lib/libc.so.6\n"                                                      \
    "f7b80000-f7b83000 rw-p /lib/libc.so.6\n"                                                      \
    "f7b83000-f7b8d000 rw-p\n"
#define REST                                                                                       \
    "f7c00000-f7c10000 rw-s /home/ann/trace.jsonl\n"                                               \
    "f7fc0000-f7fc1000 rw-p\n"                                                                     \
    "f7fc1000-f7fc8000 r-xp /opt/libprocmap-trace.so\n"                                            \
    "f7fc8000-f7fc9000 rw-p /opt/libprocmap-trace.so\n"                                            \
    "f7fc9000-f7fca000 rw-p\n"                                                                     \
    "f7fd0000-f7fd2000 rw-s /memfd:procmap-trace-ring (deleted)\n"                                 \
    "f7fe0000-f7fe4000 r--p [vvar]\n"                                                              \
    "f7fe4000-f7fe6000 r-xp [vdso]\n"                                                              \
    "fffdd000-ffffe000 rw-p [stack]\n"

static int create(void **state)
{
    (void)state;
    memset(notes, 0, sizeof notes);
    note_count = forgotten_count = 0;
    flushes = closes = announced = 0;
    close_result = 0;
    now_ns = sent_image = 0;
    model_init(&model, NULL);
    model_add_view(&model, new_view());
    return 0;
}

/* Started, with the map above; the notes begin behind it. */
static int start(void **state)
{
    create(state);
    sample_process(&u, 128 << 10);
    send(A);
    look_within(A, PMT_REASON_START, 0, UINT64_MAX, PMT_SNAPSHOT_LAST | PMT_SNAPSHOT_WHOLE,
                PMT_CALL_NONE, PROGRAM HEAP LIBRARY REST);
    assert_int_equal(note_count, 2);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    if (!closes)
        assert_int_equal(model_close(&model), 0);
    assert_int_equal(closes, 1);
    return 0;
}

static enum kind kind_at(uint64_t address)
{
    const struct region *r = regions_find(&model.image->map, address);
    assert_non_null(r);
    return r->kind;
}

#define CHECK_KIND(address, want) assert_string_equal(kind_name(kind_at(address)), want)

/* ---- kinds ---- */

static void test_start(void **state)
{
    (void)state;
    assert_true(model.started);
    assert_int_equal(model.image->pid, SAMPLE_PID);
    assert_int_equal(model.image->word_size, 4);
    assert_int_equal(model.image->page_size, PAGE);
    assert_string_equal(model.image->exe, "/home/ann/map3");
    assert_string_equal(model.image->libc, "glibc 2.36");
    assert_int_equal(model.image->argv_size, 18);
    assert_memory_equal(model.image->argv, "./map3\0\0two words", 18);
    assert_int_equal(model.image->thresholds.mmap, 128 << 10);
    assert_int_equal(changes_since(0), 0); /* what was there is no change */
    assert_int_equal(model.image->ledger.changes, 0);
    size_t regions = model.image->map.list.count;
    sample_process(&u, 0); /* a second one changes nothing */
    send(A);
    assert_int_equal(model.image->thresholds.mmap, 128 << 10);
    assert_int_equal(model.image->map.list.count, regions);
}

static void test_kinds_at_start(void **state)
{
    (void)state;
    static const struct {
        uint64_t address;
        const char *kind;
        bool tracer;
    } want[] = {
        {0x56555000, "rodata", false},   {0x56556000, "code", false},
        {0x56558000, "data", false},     {0x56559000, "bss", false},
        {0x5655b000, "heap", false},     {0xf7a00000, "lib_rodata", false},
        {0xf7a20000, "lib_code", false}, {0xf7b80000, "lib_data", false},
        {0xf7b83000, "lib_bss", false},  {0xf7c00000, "tracer", true},
        {0xf7fc0000, "tracer", true},    {0xf7fc1000, "tracer", true},
        {0xf7fc8000, "tracer", true},    {0xf7fc9000, "anonymous", false},
        {0xf7fd0000, "tracer", true},    {0xf7fe0000, "vvar", false},
        {0xf7fe4000, "vdso", false},     {0xfffdd000, "stack", false},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        CHECK_KIND(want[i].address, want[i].kind);
        assert_int_equal(regions_find(&model.image->map, want[i].address)->tracer, want[i].tracer);
    }
    assert_int_equal(model.image->map.list.count, sizeof want / sizeof *want);
}

/* Files and names, at any time: libraries by their name, what is shared, what the kernel calls
 * so. */
static void test_kinds_of_files(void **state)
{
    (void)state;
    static const struct {
        const char *region, *kind;
    } all[] = {
        {"rw-p /home/ann/map3", "data"},
        {"r-xp /home/ann/map3 (deleted)", "mapped_file"}, /* not the executable that runs */
        {"r-xp /home/ann/map", "mapped_file"},
        {"r--p /usr/lib/locale/C.utf8/LC_CTYPE", "mapped_file"},
        {"rw-p /home/ann/notes.txt", "mapped_file"},
        {"r-xp /lib/ld-linux.so.2", "lib_code"},
        {"r--p /lib/libm.so.6", "lib_rodata"},
        {"r-xp /lib/libfoo-1.2.so", "lib_code"},
        {"rwxp /tmp/libx.so (deleted)", "lib_code"},
        {"---p /lib/libm.so.6", "lib_rodata"},
        {"rw-s /lib/libm.so.6", "mapped_file"},
        {"r--p /home/a.so/notes", "mapped_file"}, /* a directory */
        {"r--p /home/ann/x.sort", "mapped_file"},
        {"rw-s /home/ann/database", "mapped_file"},
        {"rw-s /dev/shm/ring", "shared_memory"},
        {"rw-s /dev/zero (deleted)", "shared_memory"},
        {"rw-s /SYSV0000002a (deleted)", "shared_memory"},
        {"rw-s /memfd:buffer (deleted)", "shared_memory"},
        {"rw-p /dev/shm/ring", "mapped_file"},
        {"rw-s", "shared_memory"},
        {"rw-p", "anonymous"},
        {"---p", "anonymous"},
        {"rw-p [anon:glibc: malloc]", "anonymous"},
        {"rw-s [anon_shmem:x]", "shared_memory"},
        {"r--p [vvar_vclock]", "vvar"},
        {"--xp [vsyscall]", "vdso"},
        {"rw-p [heap]", "heap"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[128];
        snprintf(text, sizeof text, "e0000000-e0001000 %s\n", all[i].region);
        KERNEL_LOOK(A, 0xdffff000, 0xe0002000, "");
        kernel(A, PMT_CALL_MMAP2, PMT_CALL_NONE, 0, 0xe0000000, 0, PAGE, 0);
        KERNEL_LOOK(A, 0xdffff000, 0xe0002000, text);
        if (strcmp(kind_name(kind_at(0xe0000000)), all[i].kind) != 0)
            print_error("%s\n", all[i].region);
        CHECK_KIND(0xe0000000, all[i].kind);
        note_count = 0;
    }
}

/* glibc maps a thread's stack without permissions and opens up all but the guard. */
static void test_thread_stack(void **state)
{
    (void)state;
    kernel(A, PMT_CALL_MMAP2, PMT_CALL_PTHREAD_CREATE, 0, 0xe0000000, 0, 0x801000,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK);
    KERNEL_LOOK(A, 0xdffff000, 0xe0802000, "e0000000-e0801000 ---p\n");
    CHECK_KIND(0xe0000000, "thread_stack");
    assert_string_equal(cause_name(&last()->cause), "pthread_create");
    kernel(A, PMT_CALL_MPROTECT, PMT_CALL_PTHREAD_CREATE, 0, 0, 0xe0001000, 0x800000, 0);
    KERNEL_LOOK(A, 0xe0000000, 0xe0802000, "e0000000-e0001000 ---p\ne0001000-e0801000 rw-p\n");
    CHECK_KIND(0xe0000000, "guard");
    CHECK_KIND(0xe0001000, "thread_stack");
    kernel(A, PMT_CALL_MUNMAP, PMT_CALL_NONE, 0, 0, 0xe0000000, 0x801000, 0);
    KERNEL_LOOK(A, 0xdffff000, 0xe0802000, "");
    assert_int_equal(changes_since(note_count - 2), 2);
    assert_int_equal(last()->type, CHANGE_REMOVED);
    assert_int_equal(last()->kind, KIND_THREAD_STACK);
}

/* ... and an arena likewise, bit by bit, inside of malloc. */
static void test_arena(void **state)
{
    (void)state;
    kernel(B, PMT_CALL_MMAP2, PMT_CALL_MALLOC, 100, 0xe0000000, 0, 0x100000,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
    KERNEL_LOOK(B, 0xdffff000, 0xe0101000, "e0000000-e0100000 ---p\n");
    CHECK_KIND(0xe0000000, "malloc_arena");
    kernel(B, PMT_CALL_MPROTECT, PMT_CALL_MALLOC, 100, 0, 0xe0000000, 0x21000, 0);
    KERNEL_LOOK(B, 0xdffff000, 0xe0022000, "e0000000-e0021000 rw-p\ne0021000-e0100000 ---p\n");
    CHECK_KIND(0xe0000000, "malloc_arena");
    CHECK_KIND(0xe0021000, "malloc_arena");
    size_t from = note_count;
    alloc(B, PMT_CALL_MALLOC, 0xe0000468, 0x70 | 5, 100);
    assert_int_equal(changes_since(from), 3); /* added, split, protection */
    from = note_count;
    kernel(B, PMT_CALL_MPROTECT, PMT_CALL_MALLOC, 5000, 0, 0xe0021000, 0x2000, 0);
    KERNEL_LOOK(B, 0xe0020000, 0xe0024000, "e0000000-e0023000 rw-p\ne0023000-e0100000 ---p\n");
    alloc(B, PMT_CALL_MALLOC, 0xe0021000, 0x1390 | 5, 5000);
    assert_int_equal(changes_since(from), 2); /* grown, shrunk */
    CHECK_KIND(0xe0023000, "malloc_arena");
    CHECK_KIND(0xe0022000, "malloc_arena");
}

static void map_block(uint32_t tid, enum pmt_call call, uint64_t size)
{
    kernel(tid, PMT_CALL_MMAP2, call, size, 0xe0000000, 0, 0x28000, MAP_PRIVATE | MAP_ANONYMOUS);
    KERNEL_LOOK(tid, 0xdffff000, 0xe0029000, "e0000000-e0028000 rw-p\n");
}

/* The kind stays while a region grows, moves, changes its permissions. */
static void test_kind_stays(void **state)
{
    (void)state;
    map_block(A, PMT_CALL_MALLOC, 160000);
    alloc(A, PMT_CALL_MALLOC, 0xe0000008, 0x28000 | 2, 160000);
    CHECK_KIND(0xe0000000, "malloc_mmap");
    kernel(A, PMT_CALL_MREMAP, PMT_CALL_REALLOC, 320000, 0xd0000000, 0xe0000000, 0x28000, 1);
    look_within(A, PMT_REASON_KERNEL, 0xcffff000, 0xd0051000, 0, PMT_CALL_NONE,
                "d0000000-d0050000 rw-p\n");
    KERNEL_LOOK(A, 0xdffff000, 0xe0029000, "");
    reallocate(A, 0xe0000008, 0xd0000008, 320000, now_ns, 0);
    CHECK_KIND(0xd0000000, "malloc_mmap");
    assert_int_equal(last()->type, CHANGE_MOVED);
    assert_int_equal(last()->delta, 0x28000);
    kernel(A, PMT_CALL_MPROTECT, PMT_CALL_NONE, 0, 0, 0xd0000000, PAGE, 0);
    KERNEL_LOOK(A, 0xcffff000, 0xd0002000, "d0000000-d0001000 r--p\nd0001000-d0050000 rw-p\n");
    CHECK_KIND(0xd0000000, "malloc_mmap");
    CHECK_KIND(0xd0001000, "malloc_mmap");
    kernel(A, PMT_CALL_MPROTECT, PMT_CALL_NONE, 0, 0, 0x56558000, PAGE, 0);
    KERNEL_LOOK(A, 0x56557000, 0x5655a000,
                "56558000-56559000 r--p /home/ann/map3\n56559000-5655b000 rw-p\n");
    CHECK_KIND(0x56559000, "bss");
}

/* A library that is loaded later: its .bss is told by its place, not by its call. */
static void test_kind_of_loaded(void **state)
{
    (void)state;
    look_within(A, PMT_REASON_LOADER, 0, UINT64_MAX, PMT_SNAPSHOT_LAST | PMT_SNAPSHOT_WHOLE,
                PMT_CALL_DLOPEN,
                PROGRAM HEAP "e0000000-e0001000 r-xp /lib/libm.so.6\n"
                             "e0001000-e0002000 rw-p /lib/libm.so.6\n"
                             "e0002000-e0004000 rw-p\n" LIBRARY REST);
    CHECK_KIND(0xe0000000, "lib_code");
    CHECK_KIND(0xe0001000, "lib_data");
    CHECK_KIND(0xe0002000, "lib_bss");
    assert_int_equal(changes_since(0), 3);
    for (size_t i = note_count - 3; i < note_count; i++) {
        assert_string_equal(cause_name(&notes[i].cause), "dlopen");
        assert_int_equal(notes[i].cause.kind, CAUSE_LOADER);
    }
    assert_int_equal(model.image->ledger.explained, 3);
}

/* ---- causes ---- */

static void grow_heap(uint32_t tid, enum pmt_call call, uint64_t size)
{
    kernel(tid, PMT_CALL_BRK, call, size, 0x5659e000, 0x5659e000, 0, 0);
    KERNEL_LOOK(tid, 0x5657c000, 0x5659f000, "5655b000-5659e000 rw-p [heap]\n");
}

static void test_malloc_waits(void **state)
{
    (void)state;
    grow_heap(A, PMT_CALL_MALLOC, 50000);
    uint64_t looked = now_ns, kernel_seq = model.seq - 1;
    assert_int_equal(changes_since(0), 0); /* the call is not over */
    alloc(A, PMT_CALL_MALLOC, 0x5657d010, 0xc358 | 1, 50000);
    assert_int_equal(note_count, 6); /* process, snapshot, kernel, snapshot, alloc, change */
    assert_int_equal(notes[4].type, PMT_RECORD_ALLOC);
    assert_int_equal(notes[4].changes, 1);
    const struct note *n = last();
    assert_true(n->is_change);
    assert_int_equal(n->type, CHANGE_GROWN);
    assert_int_equal(n->delta, 0x21000);
    assert_int_equal(n->kind, KIND_HEAP);
    assert_int_equal(n->t_ns, looked); /* when it happened, not when it was told */
    assert_int_equal(n->tid, A);
    assert_false(n->tracer);
    assert_string_equal(cause_name(&n->cause), "malloc");
    assert_int_equal(n->cause.code, PMT_CALL_MALLOC);
    assert_int_equal(n->cause.size, 50000);
    assert_int_equal(n->cause.addr, 0x5657d010);
    assert_int_equal(n->cause.seq, notes[4].seq);
    assert_int_equal(n->cause.t_ns, notes[4].t_ns);
    assert_int_equal(n->cause.kernel, PMT_CALL_BRK);
    assert_int_equal(n->cause.kernel_seq, kernel_seq);
    assert_int_equal(n->cause.args[0], 0x5659e000);
    assert_int_equal(n->cause.result, 0x5659e000);
    assert_int_equal(n->cause.old_brk, 0x5657d000);
    assert_int_equal(n->cause.stack_id, 8); /* of the call: the system call's goes on into malloc */
    assert_int_equal(model.image->ledger.explained, 1);
}

/* Another thread's calls in between do not get it. */
static void test_two_threads(void **state)
{
    (void)state;
    grow_heap(A, PMT_CALL_MALLOC, 50000);
    map_block(B, PMT_CALL_CALLOC, 160000);
    alloc(200 + B, PMT_CALL_MALLOC, 0x5655b100, 0x21, 20);
    alloc(B, PMT_CALL_FREE, 0x5655b100, 0x21, 0);
    assert_int_equal(changes_since(0), 0);
    alloc(B, PMT_CALL_CALLOC, 0xe0000008, 0x28000 | 2, 160000);
    assert_string_equal(cause_name(&only_change(0)->cause), "calloc");
    assert_int_equal(only_change(0)->tid, B);
    size_t from = note_count;
    alloc(A, PMT_CALL_MALLOC, 0x5657d010, 0xc358 | 1, 50000);
    assert_string_equal(cause_name(&only_change(from)->cause), "malloc");
    assert_int_equal(only_change(from)->tid, A);
    assert_int_equal(only_change(from)->cause.addr, 0x5657d010);
}

/* Several system calls of one call: all wait, each keeps its own. */
static void test_several_changes(void **state)
{
    (void)state;
    grow_heap(A, PMT_CALL_MALLOC, 160000);
    map_block(A, PMT_CALL_MALLOC, 160000);
    alloc(A, PMT_CALL_MALLOC, 0xe0000008, 0x28000 | 2, 160000);
    assert_int_equal(changes_since(0), 2);
    const struct note *event = &notes[note_count - 3];
    assert_int_equal(event->changes, 2);
    assert_int_equal(event[1].cause.kernel, PMT_CALL_BRK);
    assert_int_equal(event[2].cause.kernel, PMT_CALL_MMAP2);
    assert_int_equal(event[1].cause.seq, event->seq);
    assert_int_equal(event[2].cause.seq, event->seq);
    assert_int_not_equal(event[1].cause.kernel_seq, event[2].cause.kernel_seq);
}

/* free is told before it is done: its changes come later, at once. */
static void test_free_goes_before(void **state)
{
    (void)state;
    map_block(A, PMT_CALL_MALLOC, 160000);
    alloc(A, PMT_CALL_MALLOC, 0xe0000008, 0x28000 | 2, 160000);
    alloc(A, PMT_CALL_FREE, 0xe0000008, 0x28000 | 2, 0);
    uint64_t freed = model.seq - 1; /* the threshold has moved, which is told behind it */
    assert_int_equal(last()->changes, 0);
    alloc(B, PMT_CALL_FREE, 0x5655b100, 0x21, 0);
    size_t from = note_count;
    uint64_t kernel_seq = kernel(A, PMT_CALL_MUNMAP, PMT_CALL_FREE, 0, 0, 0xe0000000, 0x28000, 0);
    KERNEL_LOOK(A, 0xdffff000, 0xe0029000, "");
    const struct note *n = only_change(from);
    assert_ptr_equal(n, last());
    assert_int_equal(n->type, CHANGE_REMOVED);
    assert_int_equal(n->delta, -0x28000);
    assert_int_equal(n->kind, KIND_MALLOC_MMAP);
    assert_string_equal(cause_name(&n->cause), "free");
    assert_int_equal(n->cause.addr, 0xe0000008);
    assert_int_equal(n->cause.seq, freed);
    assert_int_equal(n->cause.kernel_seq, kernel_seq);
}

/* Also when another thread, whose id ends in the same bits, frees something in between; twice. */
static void test_free_among_threads(void **state)
{
    (void)state;
    uint32_t other = A + 64;
    map_block(A, PMT_CALL_MALLOC, 160000);
    alloc(A, PMT_CALL_MALLOC, 0xe0000008, 0x28000 | 2, 160000);
    alloc(A, PMT_CALL_FREE, 0x5655b200, 0x21, 0);
    alloc(other, PMT_CALL_FREE, 0x5655b100, 0x21, 0);
    alloc(A, PMT_CALL_FREE, 0xe0000008, 0x28000 | 2, 0);
    uint64_t freed = model.seq - 1;
    alloc(other, PMT_CALL_FREE, 0x5655b300, 0x21, 0);
    size_t from = note_count;
    kernel(A, PMT_CALL_MUNMAP, PMT_CALL_FREE, 0, 0, 0xe0000000, 0x28000, 0);
    KERNEL_LOOK(A, 0xdffff000, 0xe0029000, "");
    assert_int_equal(only_change(from)->cause.addr, 0xe0000008);
    assert_int_equal(only_change(from)->cause.seq, freed);
}

static void test_realloc_cause(void **state)
{
    (void)state;
    map_block(A, PMT_CALL_REALLOC, 160000);
    reallocate(A, 0x5655b100, 0xe0000008, 160000, now_ns, 0);
    const struct note *n = only_change(0);
    assert_string_equal(cause_name(&n->cause), "realloc");
    assert_int_equal(n->cause.addr, 0xe0000008);
    assert_int_equal(n->cause.old_addr, 0x5655b100);
    assert_int_equal(n->cause.size, 160000);
}

/* Calls of the program itself wait for nothing; their seq is the system call's. */
static void test_own_call(void **state)
{
    (void)state;
    uint64_t seq = kernel(A, PMT_CALL_MMAP2, PMT_CALL_NONE, 0, 0xe0000000, 0, 0x28000, 0);
    KERNEL_LOOK(A, 0xdffff000, 0xe0029000, "e0000000-e0028000 rw-p\n");
    const struct note *n = only_change(0);
    assert_string_equal(cause_name(&n->cause), "mmap2");
    assert_int_equal(n->cause.code, PMT_CALL_MMAP2);
    assert_int_equal(n->cause.seq, seq);
    assert_int_equal(n->kind, KIND_ANONYMOUS);
    size_t from = note_count;
    kernel(A, PMT_CALL_MUNMAP, PMT_CALL_MUNMAP, 0x28000, 0, 0xe0000000, 0x28000, 0);
    KERNEL_LOOK(A, 0xdffff000, 0xe0029000, "");
    assert_string_equal(cause_name(&only_change(from)->cause), "munmap");
    assert_int_equal(model.image->ledger.explained, 2);
}

static void test_named_call(void **state)
{
    (void)state;
    sample_kernel(&u, PMT_CALL_MMAP2, 0xe0000000, PMT_CALL_SYSTEM, "ls -l");
    u.kernel.args[3] = MAP_STACK;
    send(A);
    KERNEL_LOOK(A, 0xdffff000, 0xe0009000, "e0000000-e0008000 rw-p\n");
    assert_string_equal(cause_name(&last()->cause), "system");
    assert_string_equal(last()->cause.name, "ls -l");
    assert_int_equal(last()->kind, KIND_THREAD_STACK);
}

static void test_page_fault(void **state)
{
    (void)state;
    look(A, PMT_REASON_STACK, 0xffbdd000, 0xffffe000, "ffbdd000-ffffe000 rw-p [stack]\n");
    const struct note *n = only_change(0);
    assert_string_equal(cause_name(&n->cause), "page fault");
    assert_int_equal(n->type, CHANGE_GROWN);
    assert_int_equal(n->delta, 4 << 20);
    assert_int_equal(n->kind, KIND_STACK);
    assert_int_equal(n->cause.kernel, PMT_CALL_NONE);
    assert_int_equal(n->cause.code, PMT_CALL_NONE);
    assert_int_equal(model.image->ledger.explained, 1);
}

static void test_unattributed(void **state)
{
    (void)state;
    static const enum pmt_reason reasons[] = {PMT_REASON_EXIT, PMT_REASON_RETRY, PMT_REASON_EXEC,
                                              PMT_REASON_KERNEL}; /* with no system call before */
    for (unsigned i = 0; i < 4; i++) {
        char text[64];
        snprintf(text, sizeof text, "e0000000-e000%x000 rw-p\n", i + 1);
        look(A, reasons[i], 0xdffff000, 0xe0009000, text);
        assert_string_equal(cause_name(&last()->cause), "unattributed");
        assert_int_equal(last()->cause.code, PMT_CALL_NONE);
        assert_int_equal(last()->cause.stack_id, 0);
        assert_int_equal(model.image->ledger.unexplained, i + 1);
    }
    assert_int_equal(model.image->ledger.explained, 0);
}

/* The look shows neighbours whole. What changed at their far end was not this system call. */
static void test_outside_the_window(void **state)
{
    (void)state;
    kernel(A, PMT_CALL_MMAP2, PMT_CALL_NONE, 0, 0xe0000000, 0, 0x2000, 0);
    KERNEL_LOOK(A, 0xdffff000, 0xe0003000, "e0000000-e0002000 rw-p\n");
    size_t from = note_count;
    kernel(A, PMT_CALL_MMAP2, PMT_CALL_NONE, 0, 0xe0002000, 0, 0x1000, 0);
    KERNEL_LOOK(A, 0xe0001000, 0xe0004000, "dfff0000-e0002000 rw-p\ne0002000-e0003000 r--p\n");
    assert_int_equal(changes_since(from), 2);
    for (size_t i = from; i < note_count; i++) {
        const struct note *n = &notes[i];
        if (n->is_change && n->type == CHANGE_GROWN) {
            assert_string_equal(cause_name(&n->cause), "unattributed");
            assert_int_equal(n->cause.kernel, PMT_CALL_NONE);
            assert_int_equal(n->cause.seq, 0);
            assert_int_equal(n->cause.kernel_seq, 0);
        } else if (n->is_change) {
            assert_int_equal(n->type, CHANGE_ADDED);
            assert_string_equal(cause_name(&n->cause), "mmap2");
        }
    }
    assert_int_equal(model.image->ledger.unexplained, 1);
    assert_int_equal(model.image->ledger.changes, 3);
    /* next to it, and merged with it: that is its doing */
    from = note_count;
    kernel(A, PMT_CALL_MPROTECT, PMT_CALL_NONE, 0, 0, 0xe0002000, 0x1000, 0);
    KERNEL_LOOK(A, 0xe0001000, 0xe0004000, "dfff0000-e0003000 rw-p\n");
    assert_string_equal(cause_name(&only_change(from)->cause), "mprotect");
}

/* What procmap-trace itself maps, and libraries that came with it, at whatever time they change. */
static void test_tracer(void **state)
{
    (void)state;
    look(A, PMT_REASON_TRACER, 0xdffff000, 0xe0009000,
         "e0000000-e0004000 r-xp /lib/libunwind.so.8\ne0004000-e0005000 rw-p\n");
    assert_int_equal(changes_since(0), 2);
    for (size_t i = 0; i < note_count; i++) {
        if (!notes[i].is_change)
            continue;
        assert_true(notes[i].tracer);
        assert_int_equal(notes[i].kind, KIND_TRACER);
        assert_string_equal(cause_name(&notes[i].cause), "procmap-trace");
    }
    assert_int_equal(model.image->ledger.changes, 0); /* no change of the program's map */
    look(A, PMT_REASON_EXIT, 0xdffff000, 0xe0009000,
         "e0000000-e0004000 r-xp /lib/libunwind.so.8\n"
         "e0004000-e0005000 rw-p\n"
         "e0006000-e0007000 r--p /lib/libunwind.so.8\n");
    assert_true(last()->tracer);
    assert_int_equal(model.image->ledger.changes, 0);
    kernel(A, PMT_CALL_MPROTECT, PMT_CALL_NONE, 0, 0, 0xf7fc8000, 0x1000, 0);
    KERNEL_LOOK(A, 0xf7fc1000, 0xf7fcb000,
                "f7fc1000-f7fc8000 r-xp /opt/libprocmap-trace.so\n"
                "f7fc8000-f7fc9000 r--p /opt/libprocmap-trace.so\nf7fc9000-f7fca000 rw-p\n");
    assert_int_equal(last()->type, CHANGE_PROTECTION);
    assert_true(last()->tracer);
    assert_int_equal(model.image->ledger.changes + model.image->ledger.unexplained, 0);
}

/* The tracer's memory grows in another thread where a call has just made room, and beyond: it is
 * told as what it is, whole, and the call made room. */
static void test_tracer_in_the_gap(void **state)
{
    (void)state;
    kernel(A, PMT_CALL_MMAP2, PMT_CALL_NONE, 0, 0xe0000000, 0, 0x8000, 0);
    KERNEL_LOOK(A, 0xdffff000, 0xe0009000, "e0000000-e0008000 rw-p\n");
    size_t from = note_count;
    kernel(A, PMT_CALL_MUNMAP, PMT_CALL_NONE, 0, 0, 0xe0004000, 0x4000, 0);
    KERNEL_LOOK(A, 0xe0003000, 0xe0009000,
                "e0000000-e0004000 rw-p\n"
                "e0006000-e000a000 rw-p /memfd:procmap-trace-private (deleted)\n");
    assert_int_equal(changes_since(from), 2);
    const struct note *n = last();
    assert_int_equal(n->type, CHANGE_ADDED);
    assert_int_equal(n->after_start, 0xe0006000);
    assert_int_equal(n->delta, 0x4000);
    assert_true(n->tracer);
    assert_string_equal(cause_name(&n->cause), "procmap-trace");
    assert_int_equal(n[-1].type, CHANGE_SHRUNK);
    assert_string_equal(cause_name(&n[-1].cause), "munmap");
    assert_int_equal(model.image->ledger.unexplained, 0);
}

/* ... or next to the block that a call has just got: that is still told with its call. */
static void test_tracer_next_to_a_block(void **state)
{
    (void)state;
    kernel(A, PMT_CALL_MMAP2, PMT_CALL_MALLOC, 200000, 0xe0000000, 0, 0x31000, 0);
    KERNEL_LOOK(A, 0xdffff000, 0xe0032000,
                "e0000000-e0031000 rw-p\n"
                "e0031000-e0131000 rw-p /memfd:procmap-trace-private (deleted)\n");
    assert_int_equal(changes_since(0), 0);
    alloc(A, PMT_CALL_MALLOC, 0xe0000008, 0x31000 | PMT_CHUNK_MMAPPED, 200000);
    assert_int_equal(changes_since(0), 2);
    assert_true(last()->tracer);
    assert_string_equal(cause_name(&last()->cause), "procmap-trace");
    assert_int_equal(last()[-1].cause.addr, 0xe0000008);
    assert_int_equal(last()[-1].cause.t_ns, now_ns);
}

/* Windows of one look: nothing is told before the last one. */
static void test_windows(void **state)
{
    (void)state;
    kernel(A, PMT_CALL_MREMAP, PMT_CALL_NONE, 0, 0xe0000000, 0x5657e000, 0x1000, 0);
    look_within(A, PMT_REASON_KERNEL, 0x5657c000, 0x56580000, 0, PMT_CALL_NONE, HEAP);
    look_within(A, PMT_REASON_KERNEL, 0xdffff000, 0xe0003000, 0, PMT_CALL_NONE,
                "e0000000-e0002000 rw-p\n");
    assert_int_equal(changes_since(0), 0);
    look_within(A, PMT_REASON_KERNEL, 0xe0003000, 0xe0010000, PMT_SNAPSHOT_LAST, PMT_CALL_NONE, "");
    assert_int_equal(changes_since(0), 1);
    assert_string_equal(cause_name(&last()->cause), "mremap");
}

#define WINDOW(tid, lo, hi, text)                                                                  \
    look_within(tid, PMT_REASON_KERNEL, lo, hi, 0, PMT_CALL_NONE, text)

/* What a look has told already it cannot tell otherwise: the window is not taken, in a running
 * program it begins another look, which is told as a loss. */
static void test_windows_that_overlap(void **state)
{
    (void)state;
    kernel(A, PMT_CALL_MMAP2, PMT_CALL_NONE, 0, 0xe0000000, 0, 0x4000, 0);
    WINDOW(A, 0xdffff000, 0xe0003000, "e0000000-e0004000 rw-p\n");
    WINDOW(A, 0xe0003000, 0xe0006000, "e0000000-e0004000 rw-p\n"); /* this is the same */
    assert_int_equal(model.image->ledger.lost, 0);
    size_t before = note_count;
    record_start(&u, PMT_RECORD_SNAPSHOT, PMT_REASON_KERNEL, sizeof u.snapshot);
    u.snapshot.lo = 0xe0001000;
    u.snapshot.hi = 0xe0008000;
    u.r.tid = A;
    sample_regions(&u, "e0001000-e0002000 rw-p\ne0003000-e0004000 rw-p\n");
    struct event event = {.record = &u.r, .pid = SAMPLE_PID, .t_ns = now_ns};
    assert_false(model_event(&model, &event));
    assert_int_equal(note_count, before);
    assert_int_equal(kind_at(0xe0002000), KIND_ANONYMOUS); /* the map is as it was */
    send(A);
    assert_int_equal(model.image->ledger.lost, 1);
    assert_int_equal(only_change(before)->type, CHANGE_ADDED); /* of the look that was open */
    assert_int_equal(notes[note_count - 2].type, PMT_RECORD_LOSS);
    assert_null(regions_find(&model.image->map, 0xe0002000));
    WINDOW(A, 0xdffff000, 0xe0001000, ""); /* below */
    WINDOW(A, 0xe0001000, 0xe0008000, "e0001000-e0002000 rw-p\ne0004000-e0005000 rw-p\n");
    assert_int_equal(model.image->ledger.lost, 2);
}

/* The rest of a look could not be read: the next one is another. */
static void test_unfinished_look(void **state)
{
    (void)state;
    kernel(A, PMT_CALL_MMAP2, PMT_CALL_NONE, 0, 0xe0000000, 0, 0x4000, 0);
    WINDOW(A, 0xdffff000, 0xe0003000, "e0000000-e0004000 rw-p\n");
    assert_int_equal(changes_since(0), 0);
    look(A, PMT_REASON_RETRY, 0xdffff000, 0xe0005000, "e0000000-e0004000 rw-p\n");
    assert_string_equal(cause_name(&only_change(0)->cause), "mmap2");
    kernel(A, PMT_CALL_MUNMAP, PMT_CALL_NONE, 0, 0, 0xe0000000, 0x4000, 0);
    size_t before = note_count;
    WINDOW(A, 0xdffff000, 0xe0005000, "");
    KERNEL_LOOK(B, 0xdffff000, 0xe0005000, "");
    assert_string_equal(cause_name(&only_change(before)->cause), "munmap");
    assert_int_equal(model.image->ledger.lost, 0);
}

/* A look that finds all as it was tells nothing. */
static void test_no_change(void **state)
{
    (void)state;
    kernel(A, PMT_CALL_MADVISE, PMT_CALL_NONE, 0, 0, 0x5655b000, 0x1000, 4);
    KERNEL_LOOK(A, 0x5655a000, 0x5655d000, "56559000-5655b000 rw-p\n" HEAP);
    look_within(A, PMT_REASON_EXIT, 0, UINT64_MAX, PMT_SNAPSHOT_LAST | PMT_SNAPSHOT_WHOLE,
                PMT_CALL_NONE, PROGRAM HEAP LIBRARY REST);
    assert_int_equal(changes_since(0), 0);
    assert_int_equal(model.image->ledger.changes, 0);
}

/* ---- allocations ---- */

static void test_allocations(void **state)
{
    (void)state;
    alloc(A, PMT_CALL_MALLOC, 0x5655b010, 0x21, 20);
    alloc(A, PMT_CALL_CALLOC, 0x5655b030, 0x31, 40);
    alloc(A, PMT_CALL_POSIX_MEMALIGN, 0x5655c000, 0x1011, 4096);
    assert_int_equal(model.image->allocations.count, 3);
    assert_int_equal(model.image->allocations.bytes, 20 + 40 + 4096);
    const struct allocation *block = allocations_find(&model.image->allocations, 0x5655b030);
    assert_int_equal(block->size, 40);
    assert_int_equal(block->t_ns, now_ns - 10);
    assert_int_equal(block->stack_id, 8);
    assert_int_equal(block->chunk & PMT_CHUNK_FLAGS, 1);
    alloc(A, PMT_CALL_FREE, 0x5655b030, 0x31, 0);
    alloc(A, PMT_CALL_FREE, 0x12345678, 0x31, 0); /* nobody's: ignored */
    assert_int_equal(model.image->allocations.count, 2);
    sample_alloc(&u, PMT_CALL_MALLOC, sizeof u.alloc, 0, 0, 0xfffffff0);
    u.alloc.error = ENOMEM;
    send(A);
    assert_int_equal(model.image->allocations.count, 2);
    assert_int_equal(model.image->allocations.bytes, 20 + 4096);
    assert_int_equal(model.image->ledger.allocations, 3);
    assert_int_equal(model.image->ledger.bytes, 20 + 40 + 4096);
}

/* Calls that gave a block, or took one back: free(NULL) did not. */
static void test_free_null(void **state)
{
    (void)state;
    alloc(A, PMT_CALL_MALLOC, 0x5655b010, 0x21, 20);
    alloc(A, PMT_CALL_FREE, 0x5655b010, 0x21, 0);
    alloc(A, PMT_CALL_FREE, 0, 0, 0);
    assert_int_equal(model.image->ledger.frees, 1);
    assert_int_equal(model.image->allocations.count, 0);
}

static void test_realloc_blocks(void **state)
{
    (void)state;
    reallocate(A, 0, 0x5655b010, 20, now_ns, 0); /* as malloc */
    reallocate(A, 0x5655b010, 0x5655b010, 30, now_ns, 0);
    assert_int_equal(model.image->allocations.count, 1);
    assert_int_equal(model.image->allocations.bytes, 30);
    reallocate(A, 0x5655b010, 0x5655b100, 300, now_ns, 0);
    assert_null(allocations_find(&model.image->allocations, 0x5655b010));
    assert_int_equal(allocations_find(&model.image->allocations, 0x5655b100)->size, 300);
    reallocate(A, 0x5655b100, 0, 1u << 31, now_ns, ENOMEM); /* failed: still there */
    assert_int_equal(allocations_find(&model.image->allocations, 0x5655b100)->size, 300);
    reallocate(A, 0x5655b100, 0, 0, now_ns, 0); /* realloc(p, 0) */
    assert_int_equal(model.image->allocations.count, 0);
    assert_int_equal(model.image->allocations.bytes, 0);
}

/* While A is in realloc, which has given the old place back already, B gets it from malloc. */
static void test_realloc_race(void **state)
{
    (void)state;
    alloc(A, PMT_CALL_MALLOC, 0x5655b010, 0x21, 20);
    uint64_t began = now_ns + 5;
    alloc(B, PMT_CALL_MALLOC, 0x5655b010, 0x21, 16);
    reallocate(A, 0x5655b010, 0x5655b100, 300, began, 0);
    assert_int_equal(model.image->allocations.count, 2);
    assert_int_equal(allocations_find(&model.image->allocations, 0x5655b010)->size, 16);
    assert_int_equal(allocations_find(&model.image->allocations, 0x5655b100)->size, 300);
}

/* glibc's threshold follows the largest block with a region of its own that was given back. */
static void test_threshold(void **state)
{
    (void)state;
    struct image *image = model.image;
    alloc(A, PMT_CALL_FREE, 0x5655b010, 0x40000 | 1, 0); /* of the heap */
    assert_int_equal(image->thresholds.mmap, 128 << 10);
    alloc(A, PMT_CALL_FREE, 0xe0000008, 0x28000 | 2, 0);
    assert_int_equal(image->thresholds.mmap, 0x28000);
    assert_int_equal(image->thresholds.trim, 0x50000);
    alloc(A, PMT_CALL_FREE, 0xe0000008, 0x22000 | 2, 0); /* smaller */
    assert_int_equal(image->thresholds.mmap, 0x28000);
    alloc(A, PMT_CALL_FREE, 0xe0000008, 0x81000 | 2, 0); /* above the maximum, 512 KiB */
    assert_int_equal(image->thresholds.mmap, 0x28000);
    alloc(A, PMT_CALL_FREE, 0xe0000008, 0x80000 | 2, 0);
    assert_int_equal(image->thresholds.mmap, 0x80000);
    assert_int_equal(image->thresholds.trim, 0x100000);
}

static void test_fixed_threshold(void **state)
{
    (void)state;
    sample_process(&u, 128 << 10);
    u.process.dynamic_threshold = 0;
    send(A);
    alloc(A, PMT_CALL_FREE, 0xe0000008, 0x28000 | 2, 0);
    assert_int_equal(model.image->thresholds.mmap, 128 << 10);
}

/* ---- stacks, losses, the end ---- */

static void test_stack(void **state)
{
    (void)state;
    sample_stack(&u, 3);
    send(A);
    const struct stack *stack = stacks_find(&model.image->stacks, 9);
    assert_non_null(stack);
    assert_int_equal(stack->count, 3);
    assert_string_equal(stack->frames[0].module, "/home/ann/map3");
    assert_int_equal(last()->type, PMT_RECORD_STACK);
}

static void test_losses(void **state)
{
    (void)state;
    sample_record(&u, SAMPLE_LOSS);
    send(A);
    send(A);
    assert_int_equal(model.image->ledger.lost, 6);
    assert_int_equal(last()->type, PMT_RECORD_LOSS);
}

/* The exit snapshot belongs to the program's story, the exit is its end; nothing waits any
 * longer. */
static void test_exit(void **state)
{
    (void)state;
    grow_heap(A, PMT_CALL_MALLOC, 50000); /* the call never comes back: abort() in it, say */
    map_block(B, PMT_CALL_CALLOC, 160000);
    assert_int_equal(changes_since(0), 0);
    sample_record(&u, SAMPLE_EXIT_SIGNAL);
    send(A);
    assert_int_equal(model.images.count, 0);
    assert_int_equal(changes_since(0), 2);
    assert_int_equal(last()->type, PMT_RECORD_EXIT);
    assert_false(last()->is_change);
    const struct note *n = &notes[note_count - 3];
    assert_string_equal(cause_name(&n[0].cause), "malloc");
    assert_int_equal(n[0].cause.seq, 0);
    assert_int_equal(n[0].cause.addr, 0);
    assert_string_equal(cause_name(&n[1].cause), "calloc");
    assert_int_equal(last_ledger.explained, 2);
    assert_null(model.image);
    assert_int_equal(model_close(&model), 0);
    assert_int_equal(changes_since(0), 2);
}

/* A trace that ends anywhere: what waits is delivered before the views are closed. */
static void test_close(void **state)
{
    (void)state;
    grow_heap(A, PMT_CALL_MALLOC, 50000);
    close_result = -EPIPE;
    assert_int_equal(model_close(&model), -EPIPE);
    assert_int_equal(changes_since(0), 1);
    assert_int_equal(closes, 1);
}

static void test_close_empty(void **state)
{
    (void)state;
    assert_int_equal(model_close(&model), 0);
    assert_int_equal(closes, 1);
    assert_int_equal(note_count, 0);
}

/* Another call of the thread comes first (a longjmp out of malloc): nothing is lost, nothing is put
 * down to the wrong call. */
static void test_other_call_first(void **state)
{
    (void)state;
    grow_heap(A, PMT_CALL_MALLOC, 50000);
    alloc(A, PMT_CALL_CALLOC, 0x5655b010, 0x21, 20);
    const struct note *n = only_change(0);
    assert_string_equal(cause_name(&n->cause), "malloc");
    assert_int_equal(n->cause.addr, 0);
    assert_int_equal(n->cause.seq, 0);
}

static void test_flush(void **state)
{
    (void)state;
    model_flush(&model);
    model_flush(&model);
    assert_int_equal(flushes, 2);
    assert_int_equal(note_count, 2);
}

static unsigned second_events, second_changes;

static void count_event(struct view *view, const struct model *m, const struct event *event,
                        unsigned changes)
{
    (void)view, (void)m, (void)event, (void)changes;
    second_events++;
}

static void count_change(struct view *view, const struct model *m, const struct change *change)
{
    (void)view, (void)m, (void)change;
    second_changes++;
}

static int close_second(struct view *view, const struct model *m)
{
    (void)m;
    free(view);
    return -ENOSPC;
}

/* A view that does not want calls that change nothing; and whose error is not lost. */
static void test_second_view(void **state)
{
    (void)state;
    struct view *view = calloc(1, sizeof *view);
    *view = (struct view){
        .event = count_event, .change = count_change, .flush = note_flush, .close = close_second};
    model_add_view(&model, view);
    assert_false(model_only_counts(&model));
    model.image->skipped_by = 1u << view->index;
    second_events = second_changes = 0;
    alloc(A, PMT_CALL_MALLOC, 0x5655b010, 0x21, 20);
    alloc(A, PMT_CALL_FREE, 0x5655b010, 0x21, 0);
    assert_int_equal(second_events, 0);
    assert_int_equal(note_count, 4);
    grow_heap(A, PMT_CALL_MALLOC, 50000);
    alloc(A, PMT_CALL_MALLOC, 0x5657d010, 0xc358 | 1, 50000);
    assert_int_equal(second_events, 3);
    assert_int_equal(second_changes, 1);
    assert_int_equal(model.image->ledger.call_ns, now_ns);
    assert_false(model_only_counts(&model)); /* the first view wants them */
    model.image->skipped_by = 3;
    assert_true(model_only_counts(&model));
    grow_heap(A, PMT_CALL_MALLOC, 50001); /* the call must be seen: a change waits for it */
    assert_int_equal(changes_since(0), 1);
    assert_int_equal(model_close(&model), -ENOSPC);
}

/* Any stream of valid records, in any order, of several images, known or not. */
static void test_any_stream(void **state)
{
    (void)state;
    static union record copy;
    uint64_t random = 4711;
    unsigned most = 0;
    for (unsigned round = 0; round < 60000; round++) {
        sample_record(&copy, random_number(&random) % SAMPLE_COUNT);
        size_t size = pmt_record_size(&copy.r);
        if (random_number(&random) % 3 == 0)
            mutate_bytes(copy.bytes + 6, size - 6, &random);
        memcpy(&u, &copy, size);
        if (u.r.type == PMT_RECORD_PROCESS && round < 100)
            continue;
        if (u.r.type == PMT_RECORD_EXIT && random_number(&random) % 8)
            continue; /* else hardly an image lives long enough */
        u.r.stack_id %= 5000;
        note_count = forgotten_count = 0;
        sent_image = random_number(&random) % 5;
        if (record_valid(&u.r, size))
            send_began(u.r.tid % 4 + 1, random_number(&random));
        const struct region_list *map = model.image ? &model.image->map.list : NULL;
        for (size_t i = 1; map && round % 1000 == 0 && i < map->count; i++)
            assert_true(map->items[i - 1]->raw.end <= map->items[i]->raw.start);
        most = map && map->count > most ? (unsigned)map->count : most;
    }
    assert_true(model.ignored > 0);
    assert_true(model.images.total > 10);
    assert_true(most > 2);
    announced = 0;
    note_count = 0;
}

int main(void)
{
#define STARTED(test) cmocka_unit_test_setup_teardown(test, start, finish)
#define EMPTY(test) cmocka_unit_test_setup_teardown(test, create, finish)
    const struct CMUnitTest tests[] = {
        STARTED(test_start),
        STARTED(test_kinds_at_start),
        STARTED(test_kinds_of_files),
        STARTED(test_thread_stack),
        STARTED(test_arena),
        STARTED(test_kind_stays),
        STARTED(test_kind_of_loaded),
        STARTED(test_malloc_waits),
        STARTED(test_two_threads),
        STARTED(test_several_changes),
        STARTED(test_free_goes_before),
        STARTED(test_free_among_threads),
        STARTED(test_realloc_cause),
        STARTED(test_own_call),
        STARTED(test_named_call),
        STARTED(test_page_fault),
        STARTED(test_unattributed),
        STARTED(test_outside_the_window),
        STARTED(test_windows_that_overlap),
        STARTED(test_unfinished_look),
        STARTED(test_tracer),
        STARTED(test_tracer_in_the_gap),
        STARTED(test_tracer_next_to_a_block),
        STARTED(test_windows),
        STARTED(test_no_change),
        STARTED(test_allocations),
        STARTED(test_free_null),
        STARTED(test_realloc_blocks),
        STARTED(test_realloc_race),
        STARTED(test_threshold),
        EMPTY(test_fixed_threshold),
        STARTED(test_stack),
        STARTED(test_losses),
        STARTED(test_exit),
        STARTED(test_close),
        EMPTY(test_close_empty),
        STARTED(test_other_call_first),
        STARTED(test_flush),
        STARTED(test_second_view),
        EMPTY(test_any_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
