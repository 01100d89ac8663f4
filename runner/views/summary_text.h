/* The summary as people read it. */
#pragma once

#include "runner/views/output.h"
#include "runner/views/summary_sums.h"
#include <stdio.h>

/* `exit` may be NULL: the trace ends before the image. */
void summary_text(FILE *out, const struct output *output, const struct model *m,
                  const struct summary *s, const struct event *exit);
