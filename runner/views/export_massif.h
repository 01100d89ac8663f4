/* The format of valgrind's massif: how much was in use over time, and at the peak and the end by
 * whom; ms_print(1) and massif-visualizer read it. */
#pragma once

#include "runner/views/export_sums.h"
#include <stdio.h>

void export_massif(FILE *out, const struct model *m, const struct export_sums *sums);
