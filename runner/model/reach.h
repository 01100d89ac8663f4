/* Whose doing it is what a look at the map shows: a call changes the map where its arguments say,
 * and a stack grows by itself. */
#pragma once

#include "runner/model/cause.h"
#include "runner/model/regions.h"
#include "schemas/mapcalls.h"

/* Where the cause of a look can have changed the map; a range has the borders at both its ends. */
struct reach {
    struct mapcalls_range ranges[2];
    unsigned count;
    bool maps; /* what lies there now may be new, whatever it looks like */
};

/* Of a look whose last window ended at `hi`, and which found that `gone` had gone. */
struct reach reach_of(const struct cause *cause, uint64_t hi, uint64_t page_size,
                      const struct region_list *gone);

/* `gone` became `fresh`: adds to `out`, which is empty, the regions in between: with all that was
 * not the cause's doing, and nothing that was. */
void reach_between(const struct reach *reach, const struct region_list *gone,
                   const struct region_list *fresh, struct region_list *out);
