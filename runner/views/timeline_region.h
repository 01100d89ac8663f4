/* The line of a change. */
#pragma once

#include "runner/views/timeline.h"

/* The region that a change is about, in its line. */
void timeline_region(struct timeline *t, const struct change *change);
