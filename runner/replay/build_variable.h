/* A variable event, as schemas/variable.h has it. */
#pragma once

#include "runner/replay/state.h"

void build_variable(struct replay *p, const json_t *event);
