/* The record of a call stack, with the symbols of its frames. */
#ifndef PMT_REPLAY_BUILD_STACK_H
#define PMT_REPLAY_BUILD_STACK_H

#include "runner/replay/state.h"

void build_stack(struct replay *p, const json_t *event);

#endif
