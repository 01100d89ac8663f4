/* A profile for pprof: allocations and bytes, ever asked for, in use at the end and at the peak. */
#pragma once

#include "runner/views/export_sums.h"

/* Gzipped, for memory_put(). NULL: no memory. */
char *export_pprof(const struct model *m, const struct export_sums *sums, uint64_t duration_ns,
                   size_t *size);
