/* An event about code that is not seen, as schemas/unseen.h has it. */
#pragma once

#include "runner/replay/state.h"

void build_unseen(struct replay *p, const json_t *event);
