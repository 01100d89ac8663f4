/* The story of the map, for people: what was there, each change with what caused it and why, what
 * is left. */
#ifndef PMT_TIMELINE_VIEW_H
#define PMT_TIMELINE_VIEW_H

#include "runner/model/view.h"
#include "runner/views/output.h"

struct view *timeline_view_new(const struct output *output); /* copied; NULL: no memory */

#endif
