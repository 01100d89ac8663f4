/* The records of system calls and of looks at the map. */
#pragma once

#include "runner/replay/state.h"

void build_kernel(struct replay *p, const json_t *event);
void build_snapshot(struct replay *p, const json_t *event);
