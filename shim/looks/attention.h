/* When the map is looked at though no system call says that it has changed: ld.so's are its own, a
 * stack grows by itself, and where system calls are not hooked nothing is said at all. */
#pragma once

#include "schemas/record.h"
#include "shim/base/state.h"

/* Whether attention_pay() is called for; `sp`: the stack pointer. */
static inline bool attention_is_due(uintptr_t sp)
{
    return live->attention | thread.loader_ran | (sp < thread.stack_low);
}

/* At any event of any thread: what live->attention asks for, and the stack if it has grown. */
void attention_pay(uintptr_t caller);

/* ld.so allocates in this thread: it may change the map, until the thread is seen outside of it.
 * Other threads may look at the map meanwhile, so there will be one more look then. */
void attention_loader_ran(void);

/* After a call that may have changed the map, where system calls are not seen. */
void attention_after_call(uintptr_t caller);

/* The whole map once more, before the image ends, at this stack. Signals must be blocked. */
void attention_last_look(enum pmt_reason reason, uint32_t stack_id);
