/* From raw events to what they mean: the map of regions, live allocations, changes with their
 * causes.
 *
 * Memory is bounded by live regions, live allocations and distinct stacks, not by the number of
 * events. */
#ifndef PMT_MODEL_H
#define PMT_MODEL_H

#include "allocations.h"
#include "event.h"
#include "regions.h"
#include "stacks.h"

enum change_type {
    CHANGE_ADDED,
    CHANGE_REMOVED,
    CHANGE_GROWN,
    CHANGE_SHRUNK,
    CHANGE_MOVED,
    CHANGE_PROTECTION,
    CHANGE_SPLIT,  /* one region is now several: `parts` */
    CHANGE_MERGED, /* several regions, `parts`, are now one */
};
const char *change_name(enum change_type type);

/* Why the map changed. */
struct cause {
    const char *call;  /* malloc ..., a system call that no interposed call made, "page fault",
                        * "unattributed", "procmap-trace"; static text */
    unsigned code;     /* enum pmt_call of `call`, PMT_CALL_NONE for the last three */
    uint64_t size;     /* the call's size argument */
    uint64_t addr;     /* result of an allocator call, or free's argument; 0: not known */
    uint64_t old_addr; /* realloc */
    uint64_t seq;      /* of the alloc event, or of the kernel event; 0: none */
    uint64_t t_ns;     /* of the alloc event, where the changes had to wait for it; else 0 */
    unsigned kernel;   /* enum pmt_call of the system call, or PMT_CALL_NONE */
    uint64_t args[6];  /* its arguments, as in struct pmt_kernel */
    int64_t result;
    uint64_t old_brk;
    uint64_t kernel_seq; /* tells two system calls of one call apart */
    uint32_t stack_id;   /* 0: not known */
    enum pmt_reason reason;
    char name[256]; /* library or command, "" if none */
};

struct change {
    enum change_type type;
    struct region *before, *after; /* NULL where there is none; counted references */
    struct region_list parts;
    int64_t delta; /* bytes that the map has more */
    bool tracer;   /* of no interest to the program */
    uint64_t t_ns;
    uint32_t tid;
    struct cause cause;
};

/* What is known of the process image. */
struct image {
    uint32_t pid;
    uint32_t ppid;
    unsigned word_size; /* 4 or 8 */
    bool pie, query, dynamic_threshold;
    uint32_t page_size;
    char *exe, *libc; /* escaped nowhere: bytes as they came */
    char *argv;       /* argv_size bytes, each argument with its NUL */
    uint32_t argv_size;
    uint64_t mmap_threshold; /* as it is now: glibc moves it; 0: not glibc's malloc */
    uint64_t mmap_threshold_max, trim_threshold;
    uint64_t stack_end;
    uint64_t tracer[3];
    uint64_t wall_time;
    struct regions map;
};

struct ledger {
    uint64_t changes, explained, unexplained, lost;
    uint64_t allocations, frees; /* calls that gave a block, or took one back */
    uint64_t bytes;              /* asked for, by all allocations together */
    uint64_t call_ns;            /* t_ns of the last call; while one is told, of the one before */
};

/* Somebody who wants to know. Called in the order of the events; all arguments are borrowed. */
struct model;
struct view {
    /* A raw event. `seq`: its number. `changes`: how many changes that belong to it will follow at
     * once. */
    void (*event)(struct view *view, const struct model *model, const struct event *event,
                  uint64_t seq, unsigned changes);
    void (*change)(struct view *view, const struct model *model, const struct change *change,
                   uint64_t seq);
    void (*flush)(struct view *view); /* nothing will come for a while */
    /* Set by the view: allocator calls that change nothing need not be told, the ledger's sums will
     * do. */
    bool skips_calls;
    /* The end of the trace; 0 or the -errno of the first write that failed. Frees the view. */
    int (*close)(struct view *view, const struct model *model);
};

#define MODEL_VIEWS 4

struct model {
    struct image image;
    struct allocations allocations;
    struct stacks stacks;
    struct ledger ledger;
    struct view *views[MODEL_VIEWS];
    unsigned view_count;
    uint64_t seq; /* of the last event or change */
    bool started, ended;
    struct model_state *state;
};

void model_init(struct model *model, struct symbols *symbols);
void model_add_view(struct model *model, struct view *view); /* owned by the model from here on */
void model_event(struct model *model, const struct event *event);
/* While no view wants to be told of allocator calls and no change waits for one, model_count() is
 * model_event() for a compact record. */
bool model_only_counts(const struct model *model);
void model_count(struct model *model, const struct plain_call *call, uint32_t tid, uint64_t t_ns);

void model_flush(struct model *model);

/* Ends the trace: changes that still wait for their call are delivered, the views closed. Returns 0
 * or the first view's -errno. */
int model_close(struct model *model);

#endif
