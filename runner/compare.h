/* `compare A B`: traces, or commands that are run first. */
#pragma once

#include "runner/options.h"

/* Returns the exit status. */
int compare(const struct options *options);
