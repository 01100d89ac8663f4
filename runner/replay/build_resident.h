/* An event about what is in memory, as schemas/resident.h has it. */
#pragma once

#include "runner/replay/state.h"

void build_resident(struct replay *p, const json_t *event);
