/* Who uses the main thread's stack, where it has grown. */
#pragma once

#include "shim/stacks/unwind.h"

/* A record of it, if this is the main thread; `was_low`: down to where the stack reached as last
 * seen. On an own stack. */
void stack_use_tell(uintptr_t was_low);

/* RLIMIT_STACK in bytes; 0: none. */
uint64_t stack_use_limit(void);

/* A signal has interrupted the thread here, and it will not go on. */
void stack_use_interrupted(struct unwind_registers at);
