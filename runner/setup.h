/* What is shown, and where: the views that the options want, with what they write to. */
#pragma once

#include "runner/model/model.h"
#include "runner/options.h"

/* The line that says that the tracing goes on, where that is wanted: before the views. */
void setup_progress(struct model *m, const struct options *o);
void setup_erase_progress(void);

/* The views that the user wants; false after a message. */
/* Of what is told on the standard output; false after a message. */
bool setup_stdout(const struct options *o, struct output *output);

/* Holds the run against --expect, if there is any; false after a message. */
bool setup_demands(struct model *m, const struct options *o, size_t *failed);

bool setup_views(struct model *m, const struct options *o);
