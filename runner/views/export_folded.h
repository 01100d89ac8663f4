/* Folded stacks: "main;work 4096", a line for each call stack, as flamegraph.pl and speedscope read
 * them. */
#pragma once

#include "runner/views/export_sums.h"
#include <stdio.h>

enum export_weight { EXPORT_LIVE, EXPORT_PEAK, EXPORT_GROWTH };

void export_folded(FILE *out, const struct model *m, const struct export_sums *sums,
                   enum export_weight weight);
