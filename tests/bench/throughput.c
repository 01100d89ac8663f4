/* How many events a second the runner takes: `make bench-runner`.
 *
 * A ring is filled with records as the shim writes them for a program with one thread that
 * allocates all the time (compact malloc and free records with stack ids, a live set of 10,000
 * blocks, now and then a system call that moves the break with its look at the map), and the
 * runner's own ring, model and view take them out. What is measured is the processor time of taking
 * them out alone, not that of filling; the ring's lines are in this core's cache, where in a
 * real run they come from another core's. `replay` reads the trace that `json` wrote. */
#include "runner/base/memory.h"
#include "runner/model/model.h"
#include "runner/replay/replay.h"
#include "runner/ring/stream.h"
#include "runner/views/views.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIVE_BLOCKS 10000u
#define PLACES 16384u
#define PLACE_SIZE 2064u
#define STACKS 500u
#define FRAMES 12u
#define FILL_BYTES (PMT_RING_CAPACITY / 2)
#define CHANGE_EVERY 10000u   /* events between two moves of the break */
#define CALLS_A_TICK 200u     /* that carry the same time: see pmt_ring.now */
#define PAGE 4096u

static const uint64_t HEAP = 0x5655b000;

struct bench {
    unsigned word_size;
    uint64_t events; /* to write */
    struct stream *stream;
    struct clock clock;
    struct model model;
    uint32_t head, random;
    uint64_t written, brk;
    uint32_t live[LIVE_BLOCKS]; /* place of each block, PLACES: none */
    uint32_t unused[PLACES];    /* places, the last one first */
    uint32_t unused_count;
};

struct result {
    uint64_t events;
    double seconds;
    long resident_at_tenth, resident; /* KiB */
};

static uint32_t next_random(struct bench *b)
{
    b->random = b->random * 1664525u + 1013904223u;
    return b->random >> 8;
}

/* ---- the program's side ---- */

static void *reserve(struct bench *b, uint32_t size, enum pmt_record_type type, uint8_t call)
{
    const struct ring *ring = &b->stream->ring;
    uint32_t at = b->head & (PMT_RING_CAPACITY - 1);
    struct pmt_record *r = (struct pmt_record *)((char *)ring->shared + PMT_RING_HEADER_SIZE + at);
    memset(r, 0, size);
    r->stamp = b->head ^ ring->cookie;
    r->units = (uint16_t)(size / PMT_RECORD_ALIGN);
    r->type = (uint8_t)type;
    r->call = call;
    b->head += size;
    ring->shared->head = b->head;
    b->written++;
    return r;
}

static void *reserve_whole(struct bench *b, size_t size, enum pmt_record_type type, uint8_t call)
{
    struct pmt_record *r = reserve(b, pmt_align((uint32_t)size), type, call);
    r->tid = 4711;
    r->time = __builtin_ia32_rdtsc();
    return r;
}

static void write_call(struct bench *b, bool frees, uint32_t place, uint32_t size)
{
    uint64_t addr = HEAP + place * (uint64_t)PLACE_SIZE + 8;
    uint32_t stack_id = 1 + place % STACKS, chunk = ((size + 19) & ~15u) | 1;
    uint32_t time = (uint32_t)(b->written / CALLS_A_TICK * 250 + 1);
    if (b->word_size == 8) {
        struct pmt_call64 *c =
            reserve(b, PMT_CALL64_SIZE, PMT_RECORD_CALL64, frees ? PMT_CALL_FREE : PMT_CALL_MALLOC);
        c->stack_id = stack_id;
        c->time = time;
        c->addr = addr | 1ull << 46;
        c->chunk = chunk;
        c->size = frees ? 0 : size;
        return;
    }
    struct pmt_call32 *c = reserve(b, frees ? PMT_CALL32_FREE_SIZE : PMT_CALL32_MALLOC_SIZE,
                                   PMT_RECORD_CALL32, frees ? PMT_CALL_FREE : PMT_CALL_MALLOC);
    c->stack_id = stack_id;
    c->time = time;
    c->addr = (uint32_t)addr;
    c->chunk = chunk;
    if (!frees)
        c->size = size;
}

static void write_process(struct bench *b)
{
    static const char exe[] = "/usr/bin/program", libc[] = "glibc 2.36", argv[] = "program\0-x";
    size_t strings = sizeof exe - 1 + sizeof libc - 1 + sizeof argv;
    struct pmt_process *p =
        reserve_whole(b, sizeof(struct pmt_process) + strings, PMT_RECORD_PROCESS, 0);
    p->pid = 4711;
    p->word_size = (uint8_t)b->word_size;
    p->page_size = PAGE;
    p->mmap_threshold = 128u << 10;
    p->mmap_threshold_max = 512u << 10;
    p->trim_threshold = 128u << 10;
    p->dynamic_threshold = 1;
    p->brk = b->brk;
    p->exe_size = sizeof exe - 1;
    p->libc_size = sizeof libc - 1;
    p->argv_size = sizeof argv;
    char *to = mempcpy(p + 1, exe, sizeof exe - 1);
    memcpy(mempcpy(to, libc, sizeof libc - 1), argv, sizeof argv);
}

static void write_look(struct bench *b, enum pmt_reason reason)
{
    static const char name[] = "[heap]";
    struct pmt_snapshot *s = reserve_whole(b, sizeof *s + sizeof(struct pmt_region) + 8,
                                           PMT_RECORD_SNAPSHOT, (uint8_t)reason);
    struct pmt_region *g = (struct pmt_region *)(s + 1);
    s->lo = HEAP - PAGE;
    s->hi = b->brk + 64 * PAGE;
    s->regions = 1;
    s->flags = PMT_SNAPSHOT_LAST;
    s->within.call = reason == PMT_REASON_START ? 0 : PMT_CALL_FREE;
    *g = (struct pmt_region){.start = HEAP,
                             .end = b->brk,
                             .path_size = sizeof name - 1,
                             .perms = PMT_PERM_READ | PMT_PERM_WRITE};
    memcpy(g + 1, name, sizeof name - 1);
}

static void write_stacks(struct bench *b)
{
    for (uint32_t id = 1; id <= STACKS; id++) {
        struct pmt_stack *s =
            reserve_whole(b, sizeof *s + FRAMES * sizeof s->ip[0], PMT_RECORD_STACK, 0);
        s->r.stack_id = id;
        s->frames = FRAMES;
        for (uint32_t i = 0; i < FRAMES; i++)
            s->ip[i] = 0x56556000u + next_random(b) % PAGE;
    }
}

static void write_change(struct bench *b)
{
    bool grows = b->written / CHANGE_EVERY % 2 == 0;
    struct pmt_kernel *k = reserve_whole(b, sizeof *k, PMT_RECORD_KERNEL, PMT_CALL_BRK);
    k->old_brk = b->brk;
    b->brk += grows ? 33 * PAGE : -33 * PAGE;
    k->args[0] = b->brk;
    k->result = (int64_t)b->brk;
    k->within.call = PMT_CALL_FREE;
    write_look(b, PMT_REASON_KERNEL);
}

/* A block ends and another one begins. */
static void write_pair(struct bench *b)
{
    uint32_t *place = &b->live[next_random(b) % LIVE_BLOCKS];
    if (*place != PLACES) {
        write_call(b, true, *place, 100);
        b->unused[b->unused_count++] = *place;
    }
    *place = b->unused[--b->unused_count];
    write_call(b, false, *place, 16 + next_random(b) % 1024);
}

static void fill(struct bench *b)
{
    uint32_t from = b->head;
    while (b->written < b->events && b->head - from < FILL_BYTES) {
        uint64_t before = b->written;
        write_pair(b);
        if (b->written / CHANGE_EVERY != before / CHANGE_EVERY)
            write_change(b);
    }
}

/* ---- the runner's side ---- */

static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (long)(PAGE / 1024);
}

static int open_output(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd >= 0)
        return fd;
    perror(path);
    exit(1);
}

#define NAME_OF_VIEW(name, option, make) option,
static void add_view(struct model *m, const char *view, const char *path)
{
    static const char *const names[] = {VIEWS(NAME_OF_VIEW)};
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        if (strcmp(view, names[i]) == 0)
            model_add_view(m, views_new(i, &(struct output){open_output(path), .width = 100}));
}

static struct bench *start(unsigned word_size, uint64_t events)
{
    static uint32_t images;
    struct bench *b = memory_get(sizeof *b);
    b->word_size = word_size;
    b->events = events;
    b->brk = HEAP + PLACES * (uint64_t)PLACE_SIZE / PAGE * PAGE + 64 * PAGE;
    for (uint32_t i = 0; i < LIVE_BLOCKS; i++)
        b->live[i] = PLACES;
    for (uint32_t i = 0; i < PLACES; i++)
        b->unused[b->unused_count++] = (i * 7919u) % PLACES;
    images = 0;
    clock_init(&b->clock);
    b->stream = stream_new(4711, &images, &b->clock, &b->model);
    if (ring_create(&b->stream->ring, ring_memory(), b->clock.kind, 0) != 0) {
        fputs("no memory for a ring\n", stderr);
        exit(1);
    }
    b->stream->ring.tid = 4711;
    return b;
}

/* From the ring to the view. */
static struct result take_out(unsigned word_size, uint64_t events, const char *view,
                              const char *path)
{
    struct result result = {.events = events};
    struct bench *b = start(word_size, events);
    model_init(&b->model, NULL);
    add_view(&b->model, view, path);
    write_process(b);
    write_look(b, PMT_REASON_START);
    write_stacks(b);
    while (b->written < b->events || b->head != b->stream->ring.tail) {
        fill(b);
        double before = processor_time();
        stream_drain(b->stream, UINT64_MAX);
        result.seconds += processor_time() - before;
        if (!result.resident_at_tenth && b->written >= events / 10)
            result.resident_at_tenth = resident();
    }
    result.resident = resident();
    uint64_t seen = b->model.image->ledger.allocations + b->model.image->ledger.frees;
    double before = processor_time();
    stream_end(b->stream, &(struct pmt_exit){.end = PMT_END_EXIT}, 0);
    if (model_close(&b->model) != 0 || seen < events - events / 100 - 2 * STACKS) {
        fprintf(stderr, "%s: only %llu of %llu events came through\n", view,
                (unsigned long long)seen, (unsigned long long)events);
        exit(1);
    }
    result.seconds += processor_time() - before;
    memory_put(b);
    return result;
}

/* From a trace to the model. */
static struct result read_again(const char *path)
{
    struct result result = {0};
    struct model model;
    struct event event;
    char why[512];
    double before = processor_time();
    struct replay *replay = replay_open(path, why, sizeof why);
    int got = replay ? 1 : -1;
    model_init(&model, NULL);
    for (; got > 0 && (got = replay_next(replay, &event)) > 0; result.events++)
        model_event(&model, &event);
    if (got < 0) {
        fprintf(stderr, "%s\n", replay ? replay_error(replay) : why);
        exit(1);
    }
    model_close(&model);
    result.resident = result.resident_at_tenth = resident();
    replay_close(replay);
    result.seconds = processor_time() - before;
    return result;
}

static void tell(const char *what, unsigned word_size, const struct result *r)
{
    printf("%-9s %3u %11llu %9.3f %9.2f %8.1f %10ld %10ld\n", what, word_size * 8,
           (unsigned long long)r->events, r->seconds, (double)r->events / r->seconds / 1e6,
           r->seconds / (double)r->events * 1e9, r->resident_at_tenth, r->resident);
    fflush(stdout);
}

static void bench_view(const char *view, unsigned word_size, uint64_t events, const char *path)
{
    bool writes = strcmp(view, "quiet") != 0;
    struct result result = take_out(word_size, events, view, writes ? path : "/dev/null");
    tell(view, word_size, &result);
    if (strcmp(view, "json") != 0 || strcmp(path, "/dev/null") == 0)
        return;
    result = read_again(path);
    tell("replay", word_size, &result);
}

/* throughput [MILLIONS [FILE [VIEW]]] */
int main(int argc, char **argv)
{
    static const char *const views[] = {"quiet", "timeline", "json"};
    uint64_t events = (argc > 1 ? strtoull(argv[1], NULL, 10) : 10) * 1000000u;
    const char *path = argc > 2 ? argv[2] : "/dev/null";
    printf("to        bit      events   seconds  million/s ns/event  KiB at 1/10  at end\n");
    for (unsigned word_size = 4; word_size <= 8; word_size += 4)
        for (size_t i = 0; i < sizeof views / sizeof *views; i++)
            if (argc < 4 || strcmp(argv[3], views[i]) == 0)
                bench_view(views[i], word_size, events, path);
    return 0;
}
