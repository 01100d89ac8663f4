/* The record of a process event. */
#ifndef PMT_REPLAY_BUILD_PROCESS_H
#define PMT_REPLAY_BUILD_PROCESS_H

#include "runner/replay/state.h"

void build_process(struct replay *p, const json_t *event);

#endif
