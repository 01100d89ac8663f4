/* The map as a table: region by region, and in sums. */
#pragma once

#include "runner/views/timeline.h"

/* In one line each: what belongs to a library, and what the kernel adds. With --all every region.
 */
void timeline_map_table(struct timeline *t, const struct regions *map);

/* The regions of `map` that are not in `other`, with a sign; how many. */
size_t timeline_map_only_in(struct timeline *t, const struct regions *map,
                            const struct regions *other, char sign, bool count_only);

/* By kind, with the difference since START; what has none is one line. */
void timeline_map_totals(struct timeline *t, const struct totals *now);
