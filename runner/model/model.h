/* From raw events to what they mean: the map of regions, live allocations, changes with their
 * causes.
 *
 * A trace has one or more process images, each with a map of its own. Memory is bounded by what
 * lives: images, their regions, allocations and distinct stacks, not by the number of events. */
#ifndef PMT_MODEL_H
#define PMT_MODEL_H

#include "runner/model/allocations.h"
#include "runner/model/cause.h"
#include "runner/model/event.h"
#include "runner/model/regions.h"
#include "runner/model/stacks.h"

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

struct change {
    enum change_type type;
    struct region *before, *after; /* NULL where there is none; counted references */
    struct region_list parts;
    int64_t delta;       /* bytes that the map has more */
    const char *library; /* path of the library that it is a part of, or NULL */
    bool tracer;         /* of no interest to the program */
    uint64_t t_ns;
    uint32_t tid;
    struct cause cause;
};

/* A library that came or went in one look at the map, told before the changes of its regions. */
struct library {
    const char *path;
    bool loaded;                 /* else unloaded */
    struct region_list regions;  /* with the .bss behind them, by ascending address */
    const struct change *change; /* of its first region: cause, time and thread are its */
};

const char *library_name(const struct library *library); /* of the file */
uint64_t library_size(const struct library *library);

struct ledger {
    uint64_t changes, explained, unexplained, lost;
    uint64_t allocations, frees; /* calls that gave a block, or took one back */
    uint64_t bytes;              /* asked for, by all allocations together */
    uint64_t call_ns;            /* t_ns of the last call; while one is told, of the one before */
};

#define MODEL_VIEWS 4

/* A process image: everything that is known of one program in one process. */
struct image {
    uint32_t number; /* as in struct event */
    uint32_t pid;
    uint32_t ppid;
    enum pmt_origin origin;
    uint32_t fork_id; /* origin fork */
    enum pmt_backend backend;
    bool of_first; /* of the process that the trace begins with */
    bool ended;
    unsigned word_size; /* 4 or 8 */
    bool pie, query, dynamic_threshold, statically_linked;
    bool blind; /* allocator calls cannot be seen */
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
    struct regions inherited; /* origin fork: the parent's map, until the first look is over */
    struct allocations allocations;
    struct stacks stacks;
    struct ledger ledger;
    /* Bit i: views[i] need not be told of allocator calls that change nothing, the ledger's sums
     * will do. Set by the view. */
    unsigned skipped_by;
    void *shown[MODEL_VIEWS]; /* what views[i] remembers of the image; NULL at first */
    struct image_state *state;
};

/* Somebody who wants to know. Called in the order of the events; all arguments are borrowed;
 * model->image is the image that it is about. */
struct model;
struct view {
    /* A raw event. `seq`: its number. `changes`: how many changes that belong to it will follow at
     * once. */
    void (*event)(struct view *view, const struct model *model, const struct event *event,
                  uint64_t seq, unsigned changes);
    void (*change)(struct view *view, const struct model *model, const struct change *change,
                   uint64_t seq);
    void (*library)(struct view *view, const struct model *model, const struct library *library,
                    uint64_t seq);
    void (*forget)(struct view *view, const struct model *model); /* the image: it is over */
    void (*flush)(struct view *view); /* nothing will come for a while */
    /* The end of the trace; 0 or the -errno of the first write that failed. Frees the view. */
    int (*close)(struct view *view, const struct model *model);
    unsigned index; /* in model->views: set by the model */
};

struct model {
    struct image *image; /* of the event in hand; NULL where there is none */
    struct view *views[MODEL_VIEWS];
    unsigned view_count;
    uint64_t seq;    /* of the last event or change */
    unsigned images; /* how many there have been */
    uint32_t first_pid;
    uint64_t ignored;    /* events of images that are not known, or not any more */
    bool started, ended; /* a first image is known; the last has ended */
    /* Who wants to look at the clock now and then; see model_tick(). May be NULL. */
    void (*tick)(struct model *model, bool idle);
    struct model_state *state;
};

void model_init(struct model *model, struct symbols *symbols);
void model_add_view(struct model *model, struct view *view); /* owned by the model from here on */

/* Image 0 stands for the first. An image begins with its process record and is forgotten after its
 * exit record. */
void model_event(struct model *model, const struct event *event);

/* Makes an image the one that model_only_counts() and model_count() are about; every event does
 * that for its own. False: there is no such image. */
bool model_select(struct model *model, uint32_t image);
/* While no view wants to be told of allocator calls and no change waits for one, model_count() is
 * model_event() for a malloc or free. */
bool model_only_counts(const struct model *model);
void model_count(struct model *model, const struct plain_call *call, uint64_t t_ns);

/* The live images, from 0 on; NULL behind the last. */
const struct image *model_image(const struct model *model, size_t index);

void model_flush(struct model *model);

/* Sources call this every few milliseconds while events come; `idle`: when they stop doing so
 * because nothing comes. */
void model_tick(struct model *model, bool idle);

/* Ends the trace: changes that still wait for their call are delivered, the views closed. Returns 0
 * or the first view's -errno. */
int model_close(struct model *model);

#endif
