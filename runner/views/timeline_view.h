/* The story of the map, for people: what was there, each change with what caused it and why, what
 * is left. */
#pragma once

#include "runner/model/view.h"
#include "runner/views/output.h"

struct view *timeline_view_new(const struct output *output); /* copied; NULL: no memory */
