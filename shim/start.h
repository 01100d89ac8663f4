/* The start of tracing in a process. */
#pragma once

#include <stdbool.h>

/* Called first by every interposed function when live->sink is SINK_NONE: the first call of all
 * starts the tracing, whenever it comes (other libraries' constructors run before ours). Returns
 * whether the process is traced. */
bool start_tracing(void);
