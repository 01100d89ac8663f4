/* Reasons as sentences for people. */
#pragma once

#include "runner/model/changes.h"

void why_text(const struct change *change, char *out, size_t size);
/* Of an allocator call: model.reason. "" where there is nothing to say. */
void why_call_text(const struct reason *reason, char *out, size_t size);
