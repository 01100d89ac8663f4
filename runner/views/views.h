/* The views that there are: each has a file of its own, with a struct view, and a line here. */
#pragma once

#include "runner/model/view.h"
#include "runner/views/output.h"

/* In the order in which they are told. X(name, its option, what makes it) */
#define VIEWS(X)                                                                                   \
    X(JSON, "json", json_view_new)                                                                 \
    X(TIMELINE, "timeline", timeline_view_new)

#define VIEW_ENUM(name, option, make) VIEW_##name,
enum { VIEWS(VIEW_ENUM) VIEW_COUNT };

struct view *views_new(unsigned view, const struct output *output); /* NULL: no memory */
