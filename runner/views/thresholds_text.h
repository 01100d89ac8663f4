/* --thresholds as people read it. */
#pragma once

#include "runner/views/output.h"
#include "runner/views/thresholds_sums.h"
#include <stdio.h>

void thresholds_text(FILE *out, const struct output *output, const struct model *m,
                     const struct thresholds_sums *s);
