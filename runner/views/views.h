/* The views that there are: each has a file of its own, with a struct view, and a line here. */
#pragma once

#include "runner/model/view.h"
#include "runner/views/output.h"

/* In the order in which they are told. X(name, its option, what makes it) */
#define VIEWS(X)                                                                                   \
    X(JSON, "json", json_view_new)                                                                 \
    X(HTML, "html", html_view_new)                                                                 \
    X(TIMELINE, "timeline", timeline_view_new)                                                     \
    X(SUMMARY, "summary", summary_view_new)                                                        \
    X(THRESHOLDS, "thresholds", thresholds_view_new)                                               \
    X(WHERE, "where", where_view_new)                                                              \
    X(RESIDENT, "resident", resident_view_new)                                                     \
    X(QUIZ, "quiz", quiz_view_new)

#define VIEW_ENUM(name, option, make) VIEW_##name,
enum { VIEWS(VIEW_ENUM) VIEW_COUNT };
_Static_assert(VIEW_COUNT <= IMAGE_VIEWS, "an image has room for what each view remembers");

/* Each copies the output. NULL: no memory. */
#define VIEW_MAKER(name, option, make) struct view *make(const struct output *output);
VIEWS(VIEW_MAKER)

static inline struct view *views_new(unsigned view, const struct output *output)
{
#define VIEW_MAKE(name, option, make) make,
    static struct view *(*const makers[])(const struct output *) = {VIEWS(VIEW_MAKE)};
    return makers[view](output);
}
