/* A comparison as people read it: a table, and the answer in words. */
#pragma once

#include "runner/views/compare_side.h"
#include "runner/views/output.h"
#include <stdio.h>

/* At least two. */
void compare_text(FILE *out, const struct output *output, const struct compare_column *columns,
                  unsigned count);
