/* --thresholds as one line of JSON: schemas/thresholds.schema.json. */
#pragma once

#include "runner/views/thresholds_sums.h"
#include <stdio.h>

void thresholds_json(FILE *out, const struct model *m, const struct thresholds_sums *s);
