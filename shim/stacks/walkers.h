/* Stacks to walk on: libunwind needs more than a signal stack may have. */
#pragma once

#include <stdbool.h>

bool walkers_init(void);

/* Calls function(arg) on one of them. False: all stayed busy. Signals must be blocked. */
bool walkers_run(void (*function)(void *), void *arg);

/* Around a fork: no thread is walking then, so that no lock of libunwind's is taken in the child
 * for ever. False if that could not be waited for. */
bool walkers_hold(void);
void walkers_free(void); /* all of them, whoever has them */
