/* How an image ends: what is left, and what it all came to. */
#pragma once

#include "runner/views/timeline.h"

void timeline_end(struct timeline *t, const struct model *m, const struct event *event);
/* The trace ends before the image does. */
void timeline_end_missing(struct timeline *t, const struct model *m);
