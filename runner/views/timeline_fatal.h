/* The last words of a program that a signal ends. */
#pragma once

#include "runner/views/timeline.h"

void timeline_fatal(struct timeline *t, const struct model *m, const struct event *event);
