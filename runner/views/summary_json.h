/* The summary as one line of JSON: schemas/summary.schema.json. */
#pragma once

#include "runner/views/summary_sums.h"
#include <stdio.h>

/* `exit` may be NULL: the trace ends before the image. */
void summary_json(FILE *out, const struct model *m, const struct summary *s,
                  const struct event *exit);
