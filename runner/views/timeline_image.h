/* How an image begins. */
#pragma once

#include "runner/views/timeline.h"

void timeline_image_begins(struct timeline *t, const struct model *m, const struct event *event);
void timeline_image_mapped(struct timeline *t, const struct model *m, const struct event *event);
