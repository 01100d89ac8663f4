/* One sentence on each change, for somebody who is learning what moves a memory map. */
#ifndef PMT_WHY_H
#define PMT_WHY_H

#include "runner/model/view.h"

void why_text(const struct model *model, const struct change *change, char *out, size_t size);

#endif
