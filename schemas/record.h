/* The binary contract between the shim (in the traced process, 32 or 64 bit) and the runner.
 *
 * A ring is one memfd: a header page (struct pmt_ring), then `capacity` bytes of records. Both
 * sides map the data twice in a row, so that a record never wraps. Positions are 32 bits, count
 * bytes and wrap; `position & (capacity - 1)` is the offset in the data.
 *
 * A producer reserves with one atomic add to `head`, writes the record and commits it by a release
 * store of `position ^ cookie` to `stamp`. The consumer reads `stamp` with acquire at its `tail`,
 * so the order of reservation is the total order of the events. The consumer trusts nothing that it
 * reads.
 *
 * All fields have a fixed width and the byte order of the machine. Addresses and sizes are 64 bits
 * in both word sizes. Strings are not terminated unless said so; their bytes are what the kernel or
 * the program gave, in no particular encoding. */
#pragma once

#include "schemas/calls.h"
#include <stdint.h>

#define PMT_RING_MAGIC 0x544d5031u /* "1PMT" */
#define PMT_RING_VERSION 10
#define PMT_RING_HEADER_SIZE 4096u
#define PMT_RING_CAPACITY (512u << 10)

#define PMT_RECORD_ALIGN 8u
#define PMT_RECORD_MAX (64u << 10)
#define PMT_MAX_FRAMES 64u
#define PMT_PATH_MAX 4096u

/* Environment: how the runner talks to the shim, and how a user does without a runner. */
#define PMT_ENV_PREFIX "PROCMAP_TRACE_"
#define PMT_ENV_SOCKET "PROCMAP_TRACE_SOCKET"       /* name of the abstract Unix socket */
#define PMT_ENV_PRELOAD "PROCMAP_TRACE_PRELOAD"     /* the user's own LD_PRELOAD, to put back */
#define PMT_ENV_OUTPUT "PROCMAP_TRACE_OUTPUT"       /* file for JSON Lines, without a runner */
#define PMT_ENV_SNAPSHOTS "PROCMAP_TRACE_SNAPSHOTS" /* "text": do not use PROCMAP_QUERY */
#define PMT_ENV_KERNEL "PROCMAP_TRACE_KERNEL"       /* "calls": do not hook system calls */

/* The names of the shim's own memory objects start so; views use it to tell the owner of a
 * region. */
#define PMT_MEMFD_NAME "procmap-trace"

enum pmt_clock {
    PMT_CLOCK_TSC,       /* record times are TSC ticks */
    PMT_CLOCK_MONOTONIC, /* nanoseconds of CLOCK_MONOTONIC */
};

enum pmt_ring_flags {
    PMT_RING_TEXT_SNAPSHOTS = 1,  /* read /proc/self/maps as text even where PROCMAP_QUERY exists */
    PMT_RING_FOLLOW = 2,          /* trace children, too */
    PMT_RING_CALLS_ONLY = 8,      /* do not hook system calls: look at the map after calls */
    PMT_RING_EXEC = 4,            /* this image is not the first one: its origin is exec */
    PMT_RING_CHANGE_STACKS = 16,  /* call stacks for changes of the map; else just the caller */
    PMT_RING_NO_STACKS = 32,      /* the caller only */
    PMT_RING_VERIFY_STACKS = 64,  /* each walk is done twice, see enum pmt_walks */
    PMT_RING_NO_LAST_WORDS = 128, /* fatal signals are not told: struct pmt_fatal */
};

/* What pmt_ring.walks counts: walks of allocator calls by rules. All but the second only where each
 * walk is verified. */
enum pmt_walks {
    PMT_WALKS_CHECKED,    /* done a second time, by libunwind */
    PMT_WALKS_CUT,        /* that ended at code without unwind tables */
    PMT_WALKS_FELL_BACK,  /* that only libunwind could do, if anybody */
    PMT_WALKS_MISMATCHED, /* that did not come to the same */
    PMT_WALKS_COUNT
};

/* How a process image came to be. Every exec makes a new image, in the same process. */
enum pmt_origin {
    PMT_ORIGIN_START, /* the program that procmap-trace started or was told to look at */
    PMT_ORIGIN_FORK,  /* a copy of its parent's image */
    PMT_ORIGIN_EXEC,  /* took the place of an image, or of a child that was not traced until then */
};

enum pmt_backend { PMT_BACKEND_PRELOAD, PMT_BACKEND_PTRACE };

/* What the shim sends first on its socket; the answer is one byte with the memfd of the ring. */
struct pmt_hello {
    uint32_t magic;
    uint16_t version;
    uint16_t word_size; /* 4 or 8 */
    uint32_t pid;
    uint32_t origin; /* enum pmt_origin */
    uint32_t
        announces; /* 1: it is the program that this process is about to execute that will ask */
};

/* From a child that is not followed, in its parent's ring: it must not write records there. */
struct pmt_note {
    uint32_t stamp;     /* its number, from 1, once the rest is written */
    uint32_t pid;       /* of the child */
    uint32_t reason;    /* enum pmt_unfollowed_reason; NONE: it was not so */
    uint32_t path_size; /* of the program that it executes; 0: it goes on as a copy of its parent */
    char path[112];     /* cut off where that is too short */
};
#define PMT_NOTES 16u

struct pmt_ring {
    uint32_t magic;
    uint16_t version;
    uint8_t clock;       /* enum pmt_clock */
    uint8_t stack_depth; /* at most so many frames; 0: PMT_MAX_FRAMES */
    uint32_t capacity;   /* bytes, a power of two */
    uint32_t cookie;
    uint32_t flags;      /* enum pmt_ring_flags */
    uint32_t runner_pid; /* to notice that nobody empties the ring any more */
    uint8_t pad0[40];

    /* written by producers */
    uint32_t head;
    uint8_t pad1[60];

    /* written by the consumer */
    uint32_t tail;
    uint32_t now; /* bits 8 to 39 of the TSC, or 0 while the consumer sleeps; see pmt_record.time */
    uint8_t pad2[56];

    uint32_t full_waiters;         /* producers asleep on `tail` (futex) */
    uint32_t lost[PMT_LOSS_COUNT]; /* events, by enum pmt_loss */
    uint32_t walks[PMT_WALKS_COUNT];
    uint32_t notes;                  /* so many were begun */
    struct pmt_note note[PMT_NOTES]; /* the one of number N at (N - 1) % PMT_NOTES */
};

enum pmt_record_type {
    PMT_RECORD_NONE,
    PMT_RECORD_PROCESS,
    PMT_RECORD_ALLOC,
    PMT_RECORD_KERNEL,
    PMT_RECORD_SNAPSHOT,
    PMT_RECORD_STACK,
    PMT_RECORD_MALLOPT,
    PMT_RECORD_EXEC,
    PMT_RECORD_EXIT,
    PMT_RECORD_LOSS,
    PMT_RECORD_THREAD,
    PMT_RECORD_FORK,
    PMT_RECORD_UNFOLLOWED,
    PMT_RECORD_FATAL,
    PMT_RECORD_FORBIDDEN,
    PMT_RECORD_STACK_USE,
    PMT_RECORD_VARIABLE,
    PMT_RECORD_UNSEEN,
    PMT_RECORD_RESIDENT,
    PMT_RECORD_TYPE_COUNT,
    PMT_RECORD_CALL64 = 254, /* struct pmt_call64: only in the ring */
    PMT_RECORD_CALL32 = 255, /* struct pmt_call32: likewise */
};

struct pmt_record {
    uint32_t stamp; /* position ^ cookie once committed */
    uint16_t units; /* size of the whole record in units of PMT_RECORD_ALIGN bytes */
    uint8_t type;   /* enum pmt_record_type */
    uint8_t call;   /* enum pmt_call; in a snapshot enum pmt_reason; in a loss enum pmt_loss */
    uint32_t tid;
    uint32_t stack_id; /* 0: not known */
    uint64_t time;     /* in units of pmt_ring.clock, when the call returned (free: before it);
                        * below 2^32: a copy of pmt_ring.now, which costs a program that allocates
                        * without pause less than reading the TSC (12 ns where the rest costs 5) */
};

/* A successful malloc or calloc ends after `size`, a free after `chunk`; all others are whole. */
struct pmt_alloc {
    struct pmt_record r;
    uint64_t addr;      /* result, or for free its argument */
    uint64_t chunk;     /* glibc's size word in front of the block (malloc/malloc.c, struct
                         * malloc_chunk): size | NON_MAIN_ARENA 4 | IS_MMAPPED 2 | PREV_INUSE 1;
                         * 0 where the allocator is not glibc's or there is no block */
    uint64_t size;      /* bytes asked for; the product for calloc and reallocarray */
    uint64_t old_addr;  /* realloc */
    uint64_t alignment; /* memalign and its kin */
    uint64_t began;     /* realloc: time before the call, as `time` */
    uint32_t error;     /* errno of a failed call, else 0 */
    uint32_t pad;
};
#define PMT_CHUNK_MMAPPED 2u
#define PMT_CHUNK_NON_MAIN_ARENA 4u
#define PMT_CHUNK_FLAGS 7u

/* malloc and free of a process with one thread, in few bytes: what the reader fetches from the
 * writer's cache is most of what a record costs. The consumer makes a pmt_alloc of it. Blocks of 4
 * GiB and more have whole records. */
struct pmt_call32 {
    uint32_t stamp; /* as in struct pmt_record */
    uint16_t units;
    uint8_t type;
    uint8_t call;
    uint32_t stack_id;
    uint32_t time; /* as pmt_ring.now */
    uint32_t addr; /* the rest as in struct pmt_alloc */
    uint32_t chunk;
    uint32_t size; /* not in the record of a free */
    uint32_t pad;
};
#define PMT_CALL32_FREE_SIZE 24u
#define PMT_CALL32_MALLOC_SIZE 32u

/* The same in a 64-bit process. */
struct pmt_call64 {
    uint32_t stamp;
    uint16_t units;
    uint8_t type;
    uint8_t call;
    uint32_t stack_id;
    uint32_t time;
    uint64_t addr;
    uint32_t chunk;
    uint32_t size; /* 0 in the record of a free */
};
#define PMT_CALL64_SIZE 32u

/* The call of the program in which something happened. `name` is the library of dlopen, the command
 * of system and popen, the program of posix_spawn. */
struct pmt_within {
    uint8_t call; /* enum pmt_call, 0: outside every interposed call */
    uint8_t name_size;
    uint8_t by_loader; /* 1: the dynamic loader's own code made the system call */
    uint8_t pad0;
    uint32_t pad1;
    uint64_t size; /* the argument of an allocator call or mmap length */
};

struct pmt_kernel {
    struct pmt_record r; /* call: the system call */
    uint64_t args[6];    /* in the order of the system call; the offset of mmap2 in bytes */
    int64_t result;      /* as the kernel returned it: -errno on failure */
    uint64_t old_brk;    /* brk: the break before the call */
    struct pmt_within within;
    /* within.name_size bytes of name */
};

enum pmt_perm { PMT_PERM_READ = 1, PMT_PERM_WRITE = 2, PMT_PERM_EXEC = 4, PMT_PERM_SHARED = 8 };

struct pmt_region {
    uint64_t start;
    uint64_t end;
    uint64_t offset; /* bytes into the file */
    uint64_t inode;
    uint32_t dev_major;
    uint32_t dev_minor;
    uint16_t path_size; /* bytes of path behind this struct, padded to 8 */
    uint8_t perms;      /* enum pmt_perm */
    uint8_t pad[5];
};

enum pmt_snapshot_flags {
    PMT_SNAPSHOT_LAST = 1,  /* no further window belongs to the same look at the map */
    PMT_SNAPSHOT_WHOLE = 2, /* the windows of this look cover the whole address space */
};

/* "The window [lo, hi) now holds exactly these regions." Regions that reach over an edge of the
 * window are given whole. */
struct pmt_snapshot {
    struct pmt_record r; /* call: enum pmt_reason */
    uint64_t lo;
    uint64_t hi;
    uint32_t regions;
    uint32_t flags; /* enum pmt_snapshot_flags */
    struct pmt_within within;
    /* within.name_size bytes of name, padded to 8; then `regions` times struct pmt_region */
};

struct pmt_stack {
    struct pmt_record r; /* stack_id: the id that is defined here */
    uint32_t frames;
    uint32_t cut;  /* 1: the code of the last frame has no unwind table, its callers are unknown */
    uint64_t ip[]; /* return addresses, innermost first */
};

struct pmt_process {
    struct pmt_record r;
    uint32_t pid;
    uint32_t ppid;
    uint8_t word_size;         /* 4 or 8 */
    uint8_t pie;               /* 1: the executable is position independent */
    uint8_t query;             /* 1: snapshots by PROCMAP_QUERY, 0: by text */
    uint8_t dynamic_threshold; /* 1: glibc moves the mmap threshold; 0: fixed by the environment */
    uint32_t page_size;
    uint64_t wall_time;      /* nanoseconds since the epoch, when `r.time` was read */
    uint64_t monotonic;      /* CLOCK_MONOTONIC in ns, likewise */
    uint64_t mmap_threshold; /* bytes; 0: another allocator than glibc's */
    uint64_t mmap_threshold_max;
    uint64_t trim_threshold;
    uint64_t brk;       /* the program break at the start */
    uint64_t stack_end; /* an address in the main thread's stack */
    uint64_t tracer[3]; /* addresses in regions of the shim: an anonymous page, its library, and the
                         * window of PROCMAP_TRACE_OUTPUT (0: none) */
    uint16_t exe_size;  /* strings behind this struct, one after the other: exe, libc, argv ... */
    uint16_t libc_size;
    uint32_t argv_size; /* argv: each argument ends with a NUL */
    uint8_t origin;     /* enum pmt_origin */
    uint8_t backend;    /* enum pmt_backend */
    uint8_t statically_linked;
    uint8_t blind;    /* 1: allocator calls cannot be seen, only what the kernel does */
    uint32_t fork_id; /* origin fork: of the parent's fork record; ppid is the parent */
    /* ... and the file whose malloc the program calls; 0: that of the C library */
    uint16_t allocator_size;
    uint16_t unused[3];
};

struct pmt_mallopt {
    struct pmt_record r;
    int64_t param;
    int64_t value;
    int64_t result;
};

struct pmt_exec {
    struct pmt_record r;
    int32_t error; /* 0: about to execute; else the errno of the call that came back */
    uint32_t path_size;
    /* path */
};

/* How an image ends; all but the first come from the runner. */
enum pmt_end {
    PMT_END_EXIT,     /* the process ended: see status and signal */
    PMT_END_UNKNOWN,  /* it ended, and nobody knows how */
    PMT_END_EXEC,     /* it executed another program, which is the next image of this pid */
    PMT_END_UNTRACED, /* likewise, but that one cannot be traced */
    PMT_END_DETACHED, /* it goes on without procmap-trace */
};

struct pmt_exit {
    struct pmt_record r;
    int32_t status;    /* the argument of exit_group(2) */
    uint32_t signal;   /* of the runner: the signal that ended the process, else 0 */
    uint32_t end;      /* enum pmt_end */
    uint32_t verified; /* of the runner: 1 if each walk was, and so `walks` has numbers */
    uint32_t walks[PMT_WALKS_COUNT];
};

enum pmt_thread_event { PMT_THREAD_START, PMT_THREAD_END };

/* r.tid is the thread that starts or ends. The first thread of a process has no start. */
struct pmt_thread {
    struct pmt_record r;
    uint32_t event;   /* enum pmt_thread_event */
    uint32_t creator; /* start: tid of the thread that created it */
    uint64_t stack;   /* start: an address in its stack, 0: not known */
};

/* The process is about to make a copy of itself. Only where children are followed. */
struct pmt_fork {
    struct pmt_record r; /* call: FORK, VFORK or CLONE; stack_id: who called it */
    uint32_t fork_id; /* counts within the image, from 1; the child's process record has it, too */
    uint32_t pad;
};

/* Of the runner: a child that is not followed. */
struct pmt_unfollowed {
    struct pmt_record r; /* call: enum pmt_unfollowed_reason */
    uint32_t child;      /* its pid */
    uint32_t path_size;  /* as in struct pmt_note */
    /* path */
};

/* From now on the program is not looked at: it has forbidden what that needs. */
struct pmt_forbids {
    struct pmt_record r; /* call: enum pmt_forbidden; stack_id: who did */
};

struct pmt_lost {
    struct pmt_record r; /* call: enum pmt_loss */
    uint64_t count;
};

#define PMT_ALLOC_FREE_SIZE 40u   /* up to and with `chunk` */
#define PMT_ALLOC_MALLOC_SIZE 48u /* up to and with `size` */

_Static_assert(sizeof(struct pmt_record) == 24, "record header");
_Static_assert(sizeof(struct pmt_alloc) == 80, "alloc record");
_Static_assert(__builtin_offsetof(struct pmt_alloc, size) == PMT_ALLOC_FREE_SIZE, "free record");
_Static_assert(__builtin_offsetof(struct pmt_alloc, old_addr) == PMT_ALLOC_MALLOC_SIZE,
               "malloc record");
_Static_assert(sizeof(struct pmt_call32) == PMT_CALL32_MALLOC_SIZE, "compact record");
_Static_assert(__builtin_offsetof(struct pmt_call32, size) == PMT_CALL32_FREE_SIZE, "compact free");
_Static_assert(sizeof(struct pmt_call64) == PMT_CALL64_SIZE, "compact record");
_Static_assert(sizeof(struct pmt_within) == 16, "within");
_Static_assert(sizeof(struct pmt_kernel) == 24 + 64 + 16, "kernel record");
_Static_assert(sizeof(struct pmt_region) == 48, "region");
_Static_assert(sizeof(struct pmt_snapshot) == 24 + 24 + 16, "snapshot record");
_Static_assert(sizeof(struct pmt_stack) == 32, "stack record");
_Static_assert(sizeof(struct pmt_process) == 24 + 16 + 80 + 8 + 8 + 8, "process record");
_Static_assert(__builtin_offsetof(struct pmt_ring, head) == 64, "ring header: producers' line");
_Static_assert(__builtin_offsetof(struct pmt_ring, tail) == 128, "ring header: consumer's line");
_Static_assert(sizeof(struct pmt_ring) <= PMT_RING_HEADER_SIZE, "ring header");

static inline uint32_t pmt_record_size(const struct pmt_record *r)
{
    return (uint32_t)r->units * PMT_RECORD_ALIGN;
}

static inline uint32_t pmt_align(uint32_t size)
{
    return (size + PMT_RECORD_ALIGN - 1) & ~(PMT_RECORD_ALIGN - 1);
}
