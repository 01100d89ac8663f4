/* How an image begins. */
#pragma once

#include "runner/views/timeline.h"

void timeline_start_process(struct timeline *t, const struct model *m, const struct event *event);
void timeline_start_snapshot(struct timeline *t, const struct model *m, const struct event *event);
