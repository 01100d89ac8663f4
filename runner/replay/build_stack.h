/* The record of a call stack, with the symbols of its frames. */
#pragma once

#include "runner/replay/state.h"

void build_stack(struct replay *p, const json_t *event);
