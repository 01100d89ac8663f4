/* Reasons as sentences for people. */
#pragma once

#include "runner/model/view.h"

void why_text(const struct change *change, char *out, size_t size);
/* Of the call of the allocator that is being told, which has model->reason; "" if it has none. */
void why_call_text(const struct model *model, const struct pmt_alloc *call, char *out, size_t size);
