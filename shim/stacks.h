/* Call stacks: walked by libunwind, interned, sent once as a stack record and then named by their id. */
#ifndef PMT_STACKS_H
#define PMT_STACKS_H

#include <stdbool.h>
#include <stdint.h>

bool stacks_init(void);

/* Loads libunwind, out of the program's sight (RTLD_LOCAL). From a constructor only: never where ld.so's
 * lock may be held. Before that, and where it is missing, stacks have one frame. */
void stacks_load_unwinder(void);

/* The id of the stack that is just this return address. */
uint32_t stacks_of_caller(uintptr_t caller);

/* The id of the stack from here on, without the shim's own frames; of just `caller` (0: not known) where it
 * cannot be walked. Signals must be blocked. */
uint32_t stacks_here(uintptr_t caller);

/* The stack of whatever the program does now: the interposed call's, or from here on. Never walks while
 * ld.so is at work, since libunwind waits for ld.so's lock. Signals must be blocked. */
uint32_t stacks_of_change(void);

#endif
