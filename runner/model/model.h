/* From raw events to what they mean: the map of regions, live allocations, changes with their
 * causes.
 *
 * A trace has one or more process images, each with a map of its own. Memory is bounded by what
 * lives: images, their regions, allocations and distinct stacks, not by the number of events. */
#pragma once

#include "runner/model/view.h"

void model_init(struct model *model, struct symbols *symbols);
void model_add_view(struct model *model, struct view *view); /* owned by the model from here on */

/* Image 0 stands for the first. An image begins with its process record and is forgotten after its
 * exit record. False: the event is damaged, and nothing was done with it: a window of a look at the
 * map that contradicts those before it. A loss ends the look. */
bool model_event(struct model *model, const struct event *event);
/* For what comes from a running program: instead of a damaged event a loss is told; a window is
 * then taken as the first of another look. */
void model_live_event(struct model *model, const struct event *event);

/* Makes an image the one that model_only_counts() and model_count() are about; every event does
 * that for its own. False: there is no such image. */
bool model_select(struct model *model, uint32_t image);
/* While no view wants to be told of allocator calls and no change waits for one, model_count() is
 * model_event() for a malloc or free. */
bool model_only_counts(const struct model *model);
void model_count(struct model *model, const struct plain_call *call, uint64_t t_ns);

void model_flush(struct model *model);

/* Sources call this every few milliseconds while events come; `idle`: when they stop doing so
 * because nothing comes. */
void model_tick(struct model *model, bool idle);

/* Ends the trace: changes that still wait for their call are delivered, the views closed. Returns 0
 * or the first view's -errno. */
int model_close(struct model *model);
