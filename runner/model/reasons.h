/* Why the map has changed. A reason says what the trace proves, or less: runner/model/reason.h has
 * the codes, schemas/reasons.md what must hold for each. */
#pragma once

#include "runner/model/view.h"

struct reason reasons_of_change(const struct model *model, const struct change *change);
