/* What happened between two looks at a part of the map. */
#ifndef PMT_CHANGES_H
#define PMT_CHANGES_H

#include "runner/model/model.h"

/* A growing array of changes. */
struct change_list {
    struct change *items;
    size_t count, room;
};

void change_list_clear(struct change_list *list);
void change_list_free(struct change_list *list);

/* Describes how `gone` became `fresh` (both ascending): adds to `out` changes with type, regions
 * and delta set. `moved_from`, `moved_to`: start of what mremap(2) moved, or 0. */
void changes_find(const struct region_list *gone, const struct region_list *fresh,
                  uint64_t moved_from, uint64_t moved_to, struct change_list *out);

/* The part of the address space that a change is about: what is mapped differently after it. */
void changes_extent(const struct change *change, uint64_t *lo, uint64_t *hi);

#endif
