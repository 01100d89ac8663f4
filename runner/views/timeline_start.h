/* How an image begins. */
#ifndef PMT_TIMELINE_START_H
#define PMT_TIMELINE_START_H

#include "runner/views/timeline.h"

void timeline_start_process(struct timeline *t, const struct model *m, const struct event *event);
void timeline_start_snapshot(struct timeline *t, const struct model *m, const struct event *event);

#endif
