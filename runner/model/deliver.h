/* Hands to the views what they want to know, with the next number each. */
#pragma once

#include "runner/model/view.h"

void deliver_event(struct model *m, const struct event *event);

/* A call of the allocator: not to views that let calls be counted, unless it brings changes. */
void deliver_call(struct model *m, const struct event *event, unsigned changes);

void deliver_change(struct model *m, struct change *change); /* with its reason */
void deliver_library(struct model *m, const struct library *library);
void deliver_threshold(struct model *m, const struct threshold *threshold);
void deliver_forget(struct model *m); /* the image */
int deliver_close(struct model *m);   /* 0 or the first view's -errno */
