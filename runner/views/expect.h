/* Holds a run against what is expected of it: the last image of the first process. */
#pragma once

#include "runner/expect/demands.h"
#include "runner/model/view.h"
#include "runner/views/expect_report.h"
#include "runner/views/output.h"

/* `demands` must live as long; `*failed` becomes the number of those that do not hold, when the
 * view is closed. */
struct view *expect_view_new(const struct output *output, const struct demands *demands,
                             enum expect_format format, size_t *failed);
