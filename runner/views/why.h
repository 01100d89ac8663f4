/* One sentence on each change, for somebody who is learning what moves a memory map. */
#pragma once

#include "runner/model/view.h"

void why_text(const struct model *model, const struct change *change, char *out, size_t size);
