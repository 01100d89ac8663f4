/* What is wrong with a trace. The first error is kept; whoever comes later works on with zeros and
 * is not heard. */
#pragma once

#include "runner/replay/state.h"

void failure_set(struct replay *p, int error, bool with_line, const char *detail);

/* Of the line in hand. */
__attribute__((format(printf, 2, 3))) void failure_say(struct replay *p, const char *format, ...);

/* `key`: of a field, in p->list of its element; NULL for the element itself. */
void failure_field(struct replay *p, const char *key, const char *expected);
