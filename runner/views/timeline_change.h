/* What becomes of the map. */
#pragma once

#include "runner/views/timeline.h"

/* What was held back or folded comes before whatever is written now. */
void timeline_change_catch_up(struct timeline *t, const struct model *m);

/* Of struct view. */
void timeline_change_region(struct view *view, const struct model *m, const struct change *change);
void timeline_change_library(struct view *view, const struct model *m,
                             const struct library *library);
