/* How an image begins, and how it ends. */
#pragma once

#include "runner/views/timeline.h"

void timeline_image_begins(struct timeline *t, const struct model *m, const struct event *event);
void timeline_image_mapped(struct timeline *t, const struct model *m, const struct event *event);
void timeline_image_ends(struct timeline *t, const struct model *m, const struct event *event);
void timeline_image_stops(struct timeline *t,
                          const struct model *m); /* the trace, without an end */
