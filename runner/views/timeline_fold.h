/* Calls that change nothing are told together where they are many: so many since then. */
#pragma once

#include "runner/views/timeline.h"

/* The ledger without the call that is being told. */
struct ledger timeline_fold_before(const struct ledger *now, const struct event *event);

/* From this call on. The model does not even tell them then: image.skipped_by. */
void timeline_fold_begin(struct timeline *t, const struct model *m, const struct event *event);
void timeline_fold_end(struct timeline *t, const struct model *m, const struct ledger *now);

/* If one of them has moved the threshold. */
void timeline_fold_threshold(struct timeline *t, const struct model *m);
