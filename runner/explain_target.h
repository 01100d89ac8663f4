/* Why a program cannot be traced, and what to do. */
#pragma once

#include "runner/program/inspect.h"

/* One line, without end of line and without control characters; "" when the preloaded shim can
 * trace it. `size` is at least 1. */
void explain_target(const struct target *target, char *why, size_t size);
