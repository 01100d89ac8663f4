/* The images of a trace, and what those that fork leave for their children. */
#pragma once

#include "runner/model/image.h"

/* What a child inherits, as it was when its parent forked. */
struct inheritance {
    uint32_t image, pid, tid, fork_id; /* of the parent */
    bool orphaned;                     /* the parent's image has ended */
    struct regions map;
    struct allocations allocations;
    struct stacks stacks;
    struct tracer_files tracer_files;
    struct thresholds thresholds;
    bool dynamic_threshold;
};

struct inheritances {
    struct inheritance *items; /* the oldest first */
    size_t count, room;
};

struct images {
    struct symbols *symbols; /* borrowed */
    struct names names;
    struct image **live; /* by ascending number */
    size_t count, room;
    unsigned total; /* how many there have been */
    uint32_t first_pid;
    struct inheritances inheritances;
};

struct image *images_find(const struct images *images, uint32_t number); /* a live one, or NULL */
struct image *images_new(struct images *images,
                         const struct event *event); /* of a process record */
void images_fork(struct images *images, const struct image *parent, uint32_t tid,
                 uint32_t fork_id); /* thread `tid` is about to make a child */
void images_forget(struct images *images, struct image *image);
void images_free(struct images *images); /* all are forgotten */
