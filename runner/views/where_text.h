/* The screen of --where. */
#pragma once

#include "runner/views/output.h"
#include "runner/views/where_rows.h"
#include <stdio.h>

/* `exit`: NULL: the trace ends before it. */
void where_text(FILE *out, const struct output *output, const struct model *m,
                const struct where_rows *rows, const struct event *exit);
