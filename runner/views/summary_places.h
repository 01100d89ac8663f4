/* Who asked for memory, and did not give it back: by place in the program. */
#pragma once

#include "runner/model/view.h"

/* Calls of one place in the program: of several stacks. */
struct summary_place {
    char text[300]; /* bytes of the program */
    uint64_t bytes, calls, changes;
};

struct summary_places {
    struct summary_place *items; /* the largest first */
    size_t count;
    struct summary_place rest; /* all that have no item */
};

/* By bytes asked for, and of those the blocks never freed; `most` items at most. To be freed by
 * memory_put(items). */
struct summary_places summary_callers(const struct model *m, size_t most);
struct summary_places summary_unfreed(const struct model *m, size_t most);
