/* The screen of --resident. */
#pragma once

#include "runner/views/output.h"
#include "runner/views/resident_rows.h"
#include <stdio.h>

/* `exit`: NULL: the trace ends before it. */
void resident_text(FILE *out, const struct output *output, const struct model *m,
                   const struct resident_rows *rows, const struct event *exit);
