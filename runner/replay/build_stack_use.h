#pragma once

#include "runner/replay/state.h"

void build_stack_use(struct replay *p, const json_t *event);
