/* The record of a process event. */
#pragma once

#include "runner/replay/state.h"

void build_process(struct replay *p, const json_t *event);
