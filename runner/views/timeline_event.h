/* What needs a line or two of the timeline. */
#pragma once

#include "runner/views/timeline.h"

void timeline_event_alloc(struct timeline *t, const struct model *m, const struct event *event,
                          unsigned changes);
void timeline_event_kernel(struct timeline *t, const struct model *m, const struct event *event);
void timeline_event_mallopt(struct timeline *t, const struct model *m, const struct event *event);
void timeline_event_exec(struct timeline *t, const struct model *m, const struct event *event);
void timeline_event_thread(struct timeline *t, const struct model *m, const struct event *event);
void timeline_event_fork(struct timeline *t, const struct model *m, const struct event *event);
void timeline_event_loss(struct timeline *t, const struct model *m, const struct event *event);
void timeline_event_forbidden(struct timeline *t, const struct model *m, const struct event *event);
void timeline_event_unseen(struct timeline *t, const struct model *m, const struct event *event);
void timeline_event_unfollowed(struct timeline *t, const struct model *m,
                               const struct event *event);

/* The exec that is held back: with an error, or 0. */
void timeline_event_exec_ended(struct timeline *t, const struct model *m, int error);
