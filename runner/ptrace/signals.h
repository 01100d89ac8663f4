/* What the tracer does with the signals that it gets itself, and its timer. */
#pragma once

#include <stdbool.h>

/* From here on SIGINT, SIGTERM and what else would end us end the tracing: signals_interrupted()
 * becomes true, and a wait is interrupted, again and again. */
void signals_end_tracing(void);
bool signals_interrupted(void);

/* Interrupts a wait now and then, until it is called off; signals_ticked(): it has done so. */
void signals_start_timer(void);
void signals_set_timer(bool on);
bool signals_ticked(void);

void signals_ignore(void);
