/* The stacks that were seen, each once: sent as a stack record, and from then on named by its
 * id. */
#pragma once

#include "shim/stacks/unwind.h"

bool interned_init(void);

/* 0: none, as the stack is empty or there is no room. */
uint32_t interned_id(const struct unwind_stack *stack);

/* The same for a stack that is known, else 0. */
uint32_t interned_find(const struct unwind_stack *stack);
