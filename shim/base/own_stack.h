/* Stacks of the shim's own: what needs more than a few hundred bytes is not done on the program's,
 * of which there may be little, and which the program may measure. No signal handler runs there, as
 * all are blocked meanwhile. */
#pragma once

#include <stdbool.h>

bool own_stack_init(void);

/* Calls function(arg) on one of them; on the one that this thread is on already, if it is. False:
 * all stayed busy. Signals must be blocked. */
bool own_stack_run(void (*function)(void *), void *arg);

/* The same; signals are blocked meanwhile. */
bool own_stack_run_blocked(void (*function)(void *), void *arg);

/* The same for the holder of the process's one lock around changes of the map, who never waits for
 * a stack. */
void own_stack_run_locked(void (*function)(void *), void *arg);

/* Around a fork: no thread is walking a stack then, so that no lock of libunwind's is taken in the
 * child for ever. False if that could not be waited for. */
bool own_stack_hold(void);
void own_stack_free(void); /* all of them, whoever has them */
