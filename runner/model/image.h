/* A process image: everything that is known of one program in one process. */
#pragma once

#include "runner/model/allocations.h"
#include "runner/model/callers.h"
#include "runner/model/graves.h"
#include "runner/model/heap_top.h"
#include "runner/model/stacks.h"
#include "runner/model/thread_notes.h"
#include "runner/model/tracer.h"
#include "schemas/stack_use.h"

struct ledger {
    uint64_t changes, explained, unexplained, lost;
    uint64_t stacks_lost;        /* of these: calls of which only the stack is */
    uint64_t unfollowed;         /* children */
    uint64_t unseen;             /* places in code that call the kernel past libc */
    uint64_t allocations, frees; /* calls that gave a block, or took one back */
    uint64_t bytes;              /* asked for, by all allocations together */
    uint64_t call_ns;            /* t_ns of the last call; while one is told, of the one before */
};

/* The look at the map that is being collected, window by window. */
struct look {
    struct region_list gone, fresh, now;
    uint64_t hi;   /* the end of the last window */
    uint64_t told; /* up to where the map is as the look said, regions and windows */
    bool open;
    struct cause cause; /* of the last window, as the next three */
    enum pmt_reason reason;
    uint32_t tid;
    uint64_t t_ns;
    bool others; /* while it is told what the cause did not make */
    struct change_list found;
};

#define IMAGE_VIEWS 16u

struct image {
    uint32_t number; /* as in struct event */
    uint32_t pid;
    uint32_t ppid;
    enum pmt_origin origin;
    uint32_t fork_id; /* origin fork */
    enum pmt_backend backend;
    bool of_first;        /* of the process that the trace begins with */
    bool ended, executed; /* executed: it has become another program, the next image */
    unsigned word_size;   /* 4 or 8 */
    bool pie, dynamic_threshold, statically_linked;
    bool blind;                   /* allocator calls cannot be seen */
    enum pmt_forbidden forbidden; /* by the program: it is not looked at since */
    uint64_t forbidden_ns;
    uint32_t page_size;
    char *exe, *libc; /* escaped nowhere: bytes as they came */
    char *allocator;  /* likewise, the file whose malloc the program calls; "": the C library */
    char *argv;       /* argv_size bytes, each argument with its NUL */
    uint32_t argv_size;
    struct thresholds thresholds;
    uint64_t mmap_threshold_max;
    struct regions map;
    struct regions inherited; /* origin fork: the parent's map, until the first look is over */
    struct allocations allocations;
    struct callers *callers; /* NULL unless a view wants it, which then sets it */
    struct heap_top heap_top;
    struct graves graves;
    struct freed_blocks freed;
    struct stacks stacks;
    struct ledger ledger;
    /* Bit i: view i need not be told of allocator calls that change nothing, the ledger's sums will
     * do. Set by the view. */
    unsigned skipped_by;
    void *shown[IMAGE_VIEWS]; /* what view i remembers of the image; NULL at first */

    /* only for the model */
    struct tracer tracer;
    struct thread_notes threads;
    struct cause_kernel kernel;
    struct look look;
    struct pmt_stack_use stack_use; /* for the look that comes next; sp 0: not known */
    uint32_t forker; /* origin fork: the thread of the parent that is the only one here */
};

/* Of a process record. */
struct image *image_new(uint32_t number, const struct pmt_process *record, struct symbols *symbols,
                        struct names *names);
void image_free(struct image *image);
