/* The story of the map, for people: what was there, each change with what caused it and why, what
 * is left. */
#ifndef PMT_TIMELINE_VIEW_H
#define PMT_TIMELINE_VIEW_H

#include "runner/model/view.h"

struct timeline_options {
    bool color;
    unsigned width;             /* columns of the terminal */
    bool all;                   /* procmap-trace's own regions too, and every allocation */
    void (*before_write)(void); /* or NULL */
};

/* NULL: no memory. */
struct view *timeline_view_new(int fd, const struct timeline_options *options); /* owns `fd` */

#endif
