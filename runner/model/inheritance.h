/* What forks leave for children, which come later, or never. */
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
    uint64_t mmap_threshold, trim_threshold;
};

struct inheritances {
    struct inheritance *items; /* the oldest first */
    size_t count, room;
};

/* A child of `parent` is to be: its thread `tid` is about to fork. */
void inheritance_keep(struct inheritances *all, const struct image *parent, uint32_t tid,
                      uint32_t fork_id);

/* What its fork left for `child`; false: nothing. */
bool inheritance_take(struct inheritances *all, const struct image *child, struct inheritance *out);

/* What a child of `parent` inherits when it is forked now by thread `tid`. */
struct inheritance inheritance_of(const struct image *parent, uint32_t tid, uint32_t fork_id);

/* Makes it the child's. `parent`: the image that it is of, or NULL. */
void inheritance_give(const struct inheritance *in, struct image *child,
                      const struct image *parent);

void inheritance_orphan(struct inheritances *all, uint32_t image); /* it has ended */
void inheritance_free(struct inheritances *all);
