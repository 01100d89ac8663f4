/* The records of system calls and of looks at the map. */
#ifndef PMT_REPLAY_BUILD_MAP_H
#define PMT_REPLAY_BUILD_MAP_H

#include "runner/replay/state.h"

void build_kernel(struct replay *p, const json_t *event);
void build_snapshot(struct replay *p, const json_t *event);

#endif
