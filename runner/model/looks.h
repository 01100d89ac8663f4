/* Looks at the map: what they show goes into it, and becomes changes. */
#pragma once

#include "runner/model/view.h"

void looks_snapshot(struct model *m, const struct event *event);
