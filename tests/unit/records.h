/* Records for the tests of the encoder, the record check and the replay: one of every type and
 * form. */
#pragma once

#include "schemas/encode_record.h"
#include "schemas/fatal.h"
#include "schemas/mapcalls.h"
#include "schemas/stack_use.h"
#include "tests/unit/random.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

union record {
    struct pmt_record r;
    struct pmt_process process;
    struct pmt_alloc alloc;
    struct pmt_kernel kernel;
    struct pmt_snapshot snapshot;
    struct pmt_stack stack;
    struct pmt_mallopt mallopt;
    struct pmt_exec exec;
    struct pmt_exit exit;
    struct pmt_lost lost;
    struct pmt_thread thread;
    struct pmt_fork fork;
    struct pmt_unfollowed unfollowed;
    struct pmt_fatal fatal;
    char bytes[PMT_RECORD_MAX];
    uint64_t words[PMT_RECORD_MAX / sizeof(uint64_t)];
};

/* The trace that the samples belong to, for encode_record(). */
#define SAMPLE_PID 4242u
#define SAMPLE_TID 4243u
#define SAMPLE_WORD_SIZE 4u

enum sample {
    SAMPLE_PROCESS, /* first: a trace starts with it */
    SAMPLE_PROCESS_OTHER_LIBC,
    SAMPLE_MALLOC,
    SAMPLE_MALLOC_MMAP,
    SAMPLE_MALLOC_ARENA,
    SAMPLE_MALLOC_FAILED,
    SAMPLE_CALLOC_UNKNOWN,
    SAMPLE_REALLOC,
    SAMPLE_REALLOCARRAY_OVERFLOW,
    SAMPLE_FREE,
    SAMPLE_FREE_NULL,
    SAMPLE_POSIX_MEMALIGN,
    SAMPLE_BRK,
    SAMPLE_MMAP2,
    SAMPLE_MUNMAP_FAILED,
    SAMPLE_MMAP_DLOPEN,
    SAMPLE_SNAPSHOT,
    SAMPLE_SNAPSHOT_EMPTY,
    SAMPLE_STACK,
    SAMPLE_STACK_EMPTY,
    SAMPLE_MALLOPT,
    SAMPLE_EXEC,
    SAMPLE_EXEC_FAILED,
    SAMPLE_EXIT,
    SAMPLE_EXIT_SIGNAL,
    SAMPLE_EXIT_UNTRACED,
    SAMPLE_LOSS,
    SAMPLE_THREAD_START,
    SAMPLE_THREAD_END,
    SAMPLE_FORK,
    SAMPLE_UNFOLLOWED,
    SAMPLE_UNFOLLOWED_EXEC,
    SAMPLE_FORBIDDEN,
    SAMPLE_STACK_USE,
    SAMPLE_FATAL,
    SAMPLE_FATAL_ABORT,
    SAMPLE_PROCESS_FORK,
    SAMPLE_COUNT
};

static inline void record_start(union record *u, enum pmt_record_type type, unsigned call,
                                size_t size)
{
    memset(u, 0, size);
    u->r.type = (uint8_t)type;
    u->r.call = (uint8_t)call;
    u->r.tid = SAMPLE_TID;
    u->r.units = (uint16_t)(size / PMT_RECORD_ALIGN);
}

/* Appends `bytes` at offset `used` of the record and pads; returns the new end. */
static inline size_t record_append(union record *u, size_t used, const void *bytes, size_t size)
{
    size_t end = pmt_align((uint32_t)(used + size));
    memset(u->bytes + used, 0, end - used);
    memcpy(u->bytes + used, bytes, size);
    u->r.units = (uint16_t)(end / PMT_RECORD_ALIGN);
    return end;
}

static inline void sample_process(union record *u, uint64_t threshold)
{
    static const char strings[] =
        "/home/ann/map3glibc 2.36./map3\0\0two words"; /* exe, libc, argv */
    record_start(u, PMT_RECORD_PROCESS, 0, sizeof u->process);
    struct pmt_process *p = &u->process;
    p->pid = SAMPLE_PID;
    p->ppid = 77;
    p->word_size = SAMPLE_WORD_SIZE;
    p->pie = p->query = 1;
    p->page_size = 4096;
    p->wall_time = 1700000000123456789;
    p->mmap_threshold = threshold;
    if (threshold) {
        p->mmap_threshold_max = 512 << 10;
        p->trim_threshold = 128 << 10;
        p->dynamic_threshold = 1;
    }
    p->brk = 0x5655b000;
    p->stack_end = 0xffffdabc;
    p->tracer[0] = 0xf7fc0000;
    p->tracer[1] = 0xf7fc1000;
    p->tracer[2] = 0xf7c00000;
    p->exe_size = 14;
    p->libc_size = 10;
    p->argv_size = 7 + 1 + 10;
    record_append(u, sizeof *p, strings, sizeof strings);
}

static inline void sample_alloc(union record *u, enum pmt_call call, size_t record_size,
                                uint64_t addr, uint64_t chunk, uint64_t size)
{
    memset(&u->alloc, 0, sizeof u->alloc);
    record_start(u, PMT_RECORD_ALLOC, call, record_size);
    u->alloc.addr = addr;
    u->alloc.chunk = chunk;
    if (record_size > PMT_ALLOC_FREE_SIZE)
        u->alloc.size = size;
}

static inline void sample_kernel(union record *u, enum pmt_call call, int64_t result,
                                 enum pmt_call within, const char *name)
{
    record_start(u, PMT_RECORD_KERNEL, call, sizeof u->kernel);
    for (unsigned i = 0; i < mapcalls_argument_count(call); i++)
        u->kernel.args[i] = i * 0x1000;
    u->kernel.result = result;
    u->kernel.within.call = (uint8_t)within;
    u->kernel.within.name_size = (uint8_t)strlen(name);
    record_append(u, sizeof u->kernel, name, strlen(name));
}

static inline size_t sample_region(union record *u, size_t used, uint64_t start, uint64_t end,
                                   unsigned perms, const char *path)
{
    struct pmt_region g = {.start = start, .end = end, .perms = (uint8_t)perms};
    g.path_size = (uint16_t)strlen(path);
    if (path[0] == '/') {
        g.offset = 0x1000;
        g.inode = 1234567;
        g.dev_major = 8;
        g.dev_minor = 1;
    }
    used = record_append(u, used, &g, sizeof g);
    return record_append(u, used, path, strlen(path));
}

/* Adds the regions of a text to a snapshot: "f7d5e000-f7d86000 rw-p /lib/libc.so.6", one a line; a
 * file's inode follows from its name. */
static inline void sample_regions(union record *u, const char *text)
{
    size_t used = u->r.units * PMT_RECORD_ALIGN;
    while (*text) {
        struct pmt_region g = {0};
        char flags[5] = "", path[256] = "";
        int line = (int)strcspn(text, "\n"), name = 0;
        if (sscanf(text, "%" SCNx64 "-%" SCNx64 " %4s%n", &g.start, &g.end, flags, &name) != 3)
            abort(); /* the test is wrong */
        for (unsigned i = 0; i < 4; i++)
            g.perms |= (uint8_t)((flags[i] == "rwxs"[i]) << i);
        if (name < line)
            snprintf(path, sizeof path, "%.*s", line - name - 1, text + name + 1);
        g.path_size = (uint16_t)strlen(path);
        for (const char *c = path; path[0] == '/' && *c; c++)
            g.inode = g.inode * 31 + (unsigned char)*c;
        g.offset = g.inode ? g.start & 0xfffff : 0;
        used = record_append(u, used, &g, sizeof g);
        used = record_append(u, used, path, strlen(path));
        u->snapshot.regions++;
        text += line + (text[line] == '\n');
    }
}

static inline void sample_snapshot(union record *u)
{
    record_start(u, PMT_RECORD_SNAPSHOT, PMT_REASON_KERNEL, sizeof u->snapshot);
    struct pmt_snapshot *s = &u->snapshot;
    s->lo = 0x56557000;
    s->hi = 0x5657e000;
    s->regions = 3;
    s->flags = PMT_SNAPSHOT_LAST;
    s->within = (struct pmt_within){.call = PMT_CALL_SYSTEM, .name_size = 9};
    size_t used = record_append(u, sizeof *s, "ls \"a\" \xff\n", 9);
    used = sample_region(u, used, 0x56556000, 0x56558000, PMT_PERM_READ | PMT_PERM_EXEC,
                         "/home/ann/map3");
    used = sample_region(u, used, 0x56558000, 0x56559000, PMT_PERM_READ | PMT_PERM_SHARED, "");
    sample_region(u, used, 0x5655b000, 0x5657d000, PMT_PERM_READ | PMT_PERM_WRITE, "[heap]");
}

static inline void sample_stack(union record *u, unsigned frames)
{
    record_start(u, PMT_RECORD_STACK, 0, sizeof u->stack);
    u->r.stack_id = 9;
    u->stack.frames = frames;
    u->stack.cut = frames == 3;
    for (unsigned i = 0; i < frames; i++) {
        uint64_t ip = 0x56556234 + i * 0x10;
        record_append(u, sizeof u->stack + i * sizeof ip, &ip, sizeof ip);
    }
}

static inline void sample_exec(union record *u, int error)
{
    record_start(u, PMT_RECORD_EXEC, 0, sizeof u->exec);
    u->exec.error = error;
    u->exec.path_size = 7;
    record_append(u, sizeof u->exec, "/bin/ls", 7);
}

static inline void sample_other(union record *u, enum sample which)
{
    switch (which) {
    case SAMPLE_SNAPSHOT_EMPTY:
        record_start(u, PMT_RECORD_SNAPSHOT, PMT_REASON_EXIT, sizeof u->snapshot);
        u->snapshot.hi = UINT64_MAX;
        u->snapshot.flags = PMT_SNAPSHOT_WHOLE;
        break;
    case SAMPLE_MALLOPT:
        record_start(u, PMT_RECORD_MALLOPT, 0, sizeof u->mallopt);
        u->mallopt.param = -3;
        u->mallopt.value = 65536;
        u->mallopt.result = 1;
        break;
    case SAMPLE_EXIT:
        record_start(u, PMT_RECORD_EXIT, 0, sizeof u->exit);
        u->exit.status = -1;
        break;
    case SAMPLE_EXIT_SIGNAL:
        record_start(u, PMT_RECORD_EXIT, 0, sizeof u->exit);
        u->exit.signal = 11;
        break;
    case SAMPLE_EXIT_UNTRACED:
        record_start(u, PMT_RECORD_EXIT, 0, sizeof u->exit);
        u->exit.end = PMT_END_UNTRACED;
        break;
    case SAMPLE_THREAD_START:
        record_start(u, PMT_RECORD_THREAD, 0, sizeof u->thread);
        u->thread.creator = SAMPLE_PID;
        u->thread.stack = 0xf6f11340;
        u->r.stack_id = 9;
        break;
    case SAMPLE_THREAD_END:
        record_start(u, PMT_RECORD_THREAD, 0, sizeof u->thread);
        u->thread.event = PMT_THREAD_END;
        break;
    case SAMPLE_FORK:
        record_start(u, PMT_RECORD_FORK, PMT_CALL_FORK, sizeof u->fork);
        u->fork.fork_id = 3;
        u->r.stack_id = 9;
        break;
    case SAMPLE_UNFOLLOWED:
    case SAMPLE_UNFOLLOWED_EXEC:
        record_start(u, PMT_RECORD_UNFOLLOWED, PMT_UNFOLLOWED_UNREACHABLE, sizeof u->unfollowed);
        u->unfollowed.child = 4321;
        if (which == SAMPLE_UNFOLLOWED)
            break;
        u->r.call = PMT_UNFOLLOWED_PROGRAM;
        u->unfollowed.path_size = 11;
        record_append(u, sizeof u->unfollowed, "/bin/static", 11);
        break;
    case SAMPLE_FORBIDDEN:
        record_start(u, PMT_RECORD_FORBIDDEN, PMT_FORBIDDEN_FILTER, sizeof(struct pmt_forbids));
        u->r.stack_id = 9;
        break;
    case SAMPLE_STACK_USE:
        record_start(u, PMT_RECORD_STACK_USE, 0, sizeof(struct pmt_stack_use));
        *(struct pmt_stack_use *)u = (struct pmt_stack_use){.r = u->r,
                                                            .sp = 0xffbfd000,
                                                            .limit = 8u << 20,
                                                            .bytes = 3000,
                                                            .each = 1000,
                                                            .calls = 3};
        u->r.stack_id = 9;
        break;
    case SAMPLE_FATAL:
        record_start(u, PMT_RECORD_FATAL, 11, sizeof u->fatal);
        u->fatal.ip = 0x56556200;
        u->fatal.sp = 0xffffd000;
        u->fatal.addr = 0x10;
        u->fatal.access = PMT_ACCESS_WRITE;
        u->fatal.code = 1;
        u->fatal.stack_limit = 8u << 20;
        u->r.stack_id = 9;
        break;
    case SAMPLE_FATAL_ABORT:
        record_start(u, PMT_RECORD_FATAL, 6, sizeof u->fatal);
        u->fatal.ip = 0xf7fc0589;
        u->fatal.sp = 0xffffd000;
        u->fatal.code = -6;
        u->fatal.sender = SAMPLE_PID;
        u->fatal.message_size = 5;
        record_append(u, sizeof u->fatal, "bad!\n", 5);
        break;
    case SAMPLE_PROCESS_FORK:
        sample_process(u, 0);
        u->process.origin = PMT_ORIGIN_FORK;
        u->process.backend = PMT_BACKEND_PTRACE;
        u->process.statically_linked = u->process.blind = 1;
        u->process.fork_id = 3;
        break;
    default:
        record_start(u, PMT_RECORD_LOSS, PMT_LOSS_TORN, sizeof u->lost);
        u->lost.count = 3;
    }
}

static inline void sample_allocs(union record *u, enum sample which)
{
    const size_t whole = sizeof u->alloc, brief = PMT_ALLOC_MALLOC_SIZE;
    switch (which) {
    case SAMPLE_MALLOC:
        return sample_alloc(u, PMT_CALL_MALLOC, brief, 0x5655b1a0, 0x408 | 1, 1024);
    case SAMPLE_MALLOC_MMAP:
        return sample_alloc(u, PMT_CALL_MALLOC, brief, 0xf7d5e008, 0x28000 | 2, 160000);
    case SAMPLE_MALLOC_ARENA:
        return sample_alloc(u, PMT_CALL_MALLOC, brief, 0xf6b00468, 0x10 | 5, 1);
    case SAMPLE_MALLOC_FAILED:
        sample_alloc(u, PMT_CALL_MALLOC, whole, 0, 0, 0xfffffff0);
        u->alloc.error = ENOMEM;
        return;
    case SAMPLE_CALLOC_UNKNOWN:
        return sample_alloc(u, PMT_CALL_CALLOC, brief, 0x5655b1a0, 0, 0);
    case SAMPLE_REALLOC:
        sample_alloc(u, PMT_CALL_REALLOC, whole, 0x5655b1a0, 0x18 | 1, 20);
        u->alloc.old_addr = 0x5655b0a0;
        return;
    case SAMPLE_REALLOCARRAY_OVERFLOW:
        sample_alloc(u, PMT_CALL_REALLOCARRAY, whole, 0, 0, 0xfffffffe00000001);
        u->alloc.error = ENOMEM;
        return;
    case SAMPLE_FREE:
        return sample_alloc(u, PMT_CALL_FREE, PMT_ALLOC_FREE_SIZE, 0x5655b1a0, 0x408 | 1, 0);
    case SAMPLE_FREE_NULL:
        return sample_alloc(u, PMT_CALL_FREE, PMT_ALLOC_FREE_SIZE, 0, 0, 0);
    default:
        sample_alloc(u, PMT_CALL_POSIX_MEMALIGN, whole, 0x5655c000, 0x1008 | 1, 4096);
        u->alloc.alignment = 4096;
    }
}

/* Fills `u` with the sample. */
static inline void sample_record(union record *u, enum sample which)
{
    if (which >= SAMPLE_MALLOC && which <= SAMPLE_POSIX_MEMALIGN) {
        sample_allocs(u, which);
    } else if (which == SAMPLE_PROCESS || which == SAMPLE_PROCESS_OTHER_LIBC) {
        sample_process(u, which == SAMPLE_PROCESS ? 128 << 10 : 0);
    } else if (which == SAMPLE_BRK) {
        sample_kernel(u, PMT_CALL_BRK, 0x5657d000, PMT_CALL_MALLOC, "");
        u->kernel.old_brk = 0x5655b000;
        u->kernel.within.size = 1024;
        u->r.stack_id = 9;
    } else if (which == SAMPLE_MMAP2) {
        sample_kernel(u, PMT_CALL_MMAP2, 0xf7d5e000, PMT_CALL_NONE, "");
    } else if (which == SAMPLE_MUNMAP_FAILED) {
        sample_kernel(u, PMT_CALL_MUNMAP, -EINVAL, PMT_CALL_NONE, "");
    } else if (which == SAMPLE_MMAP_DLOPEN) {
        sample_kernel(u, PMT_CALL_MMAP, -133, PMT_CALL_DLOPEN, "libm.so.6");
    } else if (which == SAMPLE_SNAPSHOT) {
        sample_snapshot(u);
    } else if (which == SAMPLE_STACK || which == SAMPLE_STACK_EMPTY) {
        sample_stack(u, which == SAMPLE_STACK ? 3 : 0);
    } else if (which == SAMPLE_EXEC || which == SAMPLE_EXEC_FAILED) {
        sample_exec(u, which == SAMPLE_EXEC ? 0 : ENOENT);
    } else {
        sample_other(u, which);
    }
}

static inline void sample_exit_extra(struct encoder *e, void *arg, const struct pmt_exit *x)
{
    (void)arg;
    if (x->signal == 11)
        encode_literal(e, ",\"signal\":\"SIGSEGV\"");
    else if (x->signal)
        encode_literal(e, ",\"signal\":\"SIGKILL\"");
}

/* The context of line `seq`: its times follow from it. */
static inline struct encode_context sample_context(uint64_t seq)
{
    return (struct encode_context){
        .seq = seq,
        .t_ns = seq * 1000,
        .began_ns = seq * 1000 - 500,
        .pid = SAMPLE_PID,
        .image = 1,
        .word_size = SAMPLE_WORD_SIZE,
        .exit_extra = sample_exit_extra,
    };
}
