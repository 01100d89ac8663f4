/* What is alike is told once or twice, then together: calls that change nothing, and changes of the
 * same kind by the same call at the same place. With --all all of it is told. */
#pragma once

#include "runner/views/timeline.h"

/* The ledger without the call that is being told. */
struct ledger timeline_fold_before(const struct ledger *now, const struct event *event);

/* Whether the call is to be told by itself; else it is told with others later. */
bool timeline_fold_shows_call(struct timeline *t, const struct model *m, const struct event *event);

/* Likewise of a change, which is counted. */
bool timeline_fold_shows_change(struct timeline *t, const struct model *m,
                                const struct change *change);

/* Tells what was folded, up to `now`. */
void timeline_fold_end(struct timeline *t, const struct model *m, const struct ledger *now);

/* Of an image that is over. */
void timeline_fold_forget(struct shown *shown);
