/* What the parts of the model share among themselves: model.c tells the views, images.c keeps
 * the images and what forks leave for children, looks.c makes changes of looks at the map. */
#ifndef PMT_MODEL_STATE_H
#define PMT_MODEL_STATE_H

#include "runner/model/changes.h"
#include "runner/model/model.h"

/* The last call of free(3) of a thread: its record comes before the changes that it makes. */
struct freed {
    uint32_t tid; /* 0: none */
    uint64_t addr, seq;
};
#define FREED_PLACES                                                                               \
    64u /* by tid; the thread itself keeps its call when another one takes its place */

/* A thread of the program: what has to wait for the record of the call that it is in, because the
 * result of an allocator call is known only after the changes that it made. */
struct thread {
    uint32_t tid;
    uint64_t stack; /* an address in its stack, as long as that is not in the map; else 0 */
    struct change_list waiting;
    struct freed freed; /* unless its place has a later one */
};

/* A tracer's file in the map: libraries that only procmap-trace has loaded. */
struct tracer_file {
    uint64_t inode;
    uint32_t dev_major, dev_minor;
};
struct tracer_files {
    struct tracer_file *items;
    size_t count, room;
};

struct image_state {
    struct thread *threads;
    size_t thread_count, thread_room;
    size_t waiting; /* changes that wait, over all threads */
    /* the look at the map that is being collected, window by window */
    struct region_list gone, fresh, now;
    uint64_t look_lo, look_hi; /* what the first window and the last span */
    bool look_open;
    struct change_list found;
    struct cause_kernel kernel;
    struct freed freed[FREED_PLACES];
    struct tracer_files tracer_files;
    uint32_t forker; /* origin fork: the thread of the parent that is the only one here */
};

/* What a child inherits, as it was when its parent forked. */
struct inheritance {
    uint32_t image, pid, tid, fork_id; /* of the parent */
    bool orphaned;                     /* the parent's image has ended */
    struct regions map;
    struct allocations allocations;
    struct stacks stacks;
    struct tracer_files tracer_files;
    uint64_t mmap_threshold, trim_threshold;
};

struct model_state {
    struct symbols *symbols;
    struct names names;
    struct image **live; /* by ascending number */
    size_t live_count, live_room;
    struct inheritance *inheritances; /* the oldest first */
    size_t inheritance_count, inheritance_room;
};

/* model.c */
void model_show(struct model *m, const struct event *event, unsigned changes);
void model_show_library(struct model *m, const struct library *library);
void model_deliver(struct model *m, const struct change *change);

/* What waits in a thread, without what its call would have added. */
void model_deliver_early(struct model *m, struct thread *t);
struct thread *model_thread(struct image *image, uint32_t tid);
const struct freed *model_last_freed(const struct image *image, const struct thread *t);

/* images.c */
void images_init(struct model *m, struct symbols *symbols);
void images_free(struct model *m);
struct image *images_find(const struct model *m, uint32_t number);
struct image *images_new(struct model *m, const struct event *event); /* of a process record */
void images_forget(struct model *m, struct image *image);
void images_keep_for_child(struct model *m, const struct event *event); /* of a fork record */

/* looks.c */
void looks_snapshot(struct model *m, const struct event *event);

void tracer_files_add(struct tracer_files *files, const struct pmt_region *raw);

#endif
