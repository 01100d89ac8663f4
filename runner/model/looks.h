/* Looks at the map: what they show goes into it, and becomes changes. */
#pragma once

#include "runner/model/view.h"

/* False if the window contradicts what its look has told already: nothing was done with it. */
bool looks_snapshot(struct model *m, const struct event *event);

/* What has been seen of an open look is all that comes of it. */
void looks_end(struct model *m);
