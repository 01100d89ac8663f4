/* The record of a line, of whatever type. */
#pragma once

#include "runner/replay/state.h"

/* Whether `out` was filled; not after an error, not for a derived event. */
bool build_event(struct replay *p, const json_t *event, struct event *out);
