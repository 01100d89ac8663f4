/* The map in sums. */
#pragma once

#include "runner/model/regions.h"

struct total {
    uint64_t regions, bytes;
};

struct totals {
    struct total kinds[KIND_COUNT];
    struct total program; /* all kinds but KIND_TRACER */
};

struct totals totals_of(const struct regions *map);
