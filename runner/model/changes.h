/* What happened between two looks at a part of the map. */
#pragma once

#include "runner/model/cause.h"
#include "runner/model/reason.h"
#include "runner/model/regions.h"
#include "runner/model/thresholds.h"

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
    struct thresholds thresholds; /* as they were then */
    struct reason reason;         /* once it is delivered */
};

/* The region that it is about: as it is now, or as it was where it has gone. */
static inline struct region *change_region(const struct change *change)
{
    return change->after ? change->after : change->before;
}

/* A growing array of changes. */
struct change_list {
    struct change *items;
    size_t count, room;
};

void change_list_take(struct change_list *list, struct change *change); /* leaves nothing behind */
void change_list_clear(struct change_list *list);
void change_list_free(struct change_list *list);

/* Describes how `gone` became `fresh` (both ascending): adds to `out` changes with type, regions
 * and delta set. `moved_from`, `moved_to`: start of what mremap(2) moved, or 0. */
void changes_find(const struct region_list *gone, const struct region_list *fresh,
                  uint64_t moved_from, uint64_t moved_to, struct change_list *out);

/* The part of the address space that a change is about: what is mapped differently after it. */
void changes_extent(const struct change *change, uint64_t *lo, uint64_t *hi);
