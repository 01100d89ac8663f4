/* How an image ends. */
#pragma once

#include "runner/views/timeline.h"

void timeline_end_exit(struct timeline *t, const struct model *m, const struct event *event);
void timeline_end_missing(struct timeline *t, const struct model *m); /* the trace ends before it */
