/* Looks at the map: what they show goes into it, and becomes changes. */
#ifndef PMT_MODEL_LOOKS_H
#define PMT_MODEL_LOOKS_H

#include "runner/model/view.h"

void looks_snapshot(struct model *m, const struct event *event);

#endif
