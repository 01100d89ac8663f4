/* The story of the map, for people: what was there, each change with what caused it and why, what
 * is left. */
#ifndef PMT_VIEW_TIMELINE_H
#define PMT_VIEW_TIMELINE_H

#include "runner/model/model.h"

struct timeline_options {
    bool color;
    unsigned width;             /* columns of the terminal */
    bool all;                   /* procmap-trace's own regions too, and every allocation */
    void (*before_write)(void); /* or NULL */
};

/* NULL: no memory. */
struct view *view_timeline_new(int fd, const struct timeline_options *options); /* owns `fd` */

#endif
