/* Alternate signal stacks of the shim's own, on which the handlers of last_words.c run. A thread
 * has one until the program sets one itself; the program is told that there is none. */
#pragma once

#include "shim/base/sys.h"

#define SIGNAL_STACKS_FOR_HANDLER                                                                  \
    2048u /* bytes that the handlers need beside the signal's frame                                \
           */

/* What a signal's frame takes on this machine. */
unsigned long signal_stacks_frame(void);

/* From now on there are some, until the program has one of its own. */
void signal_stacks_start(void);
void signal_stacks_stop(void);

/* Gives this thread one, if there are some, and it has none; takes it back when the thread has all
 * signals blocked for good. */
void signal_stacks_give(void);
void signal_stacks_take_back(void);

/* Removes this thread's from the kernel, if it is ours. */
void signal_stacks_remove(void);

/* sigaltstack(2) of the program. `*size`: of the stack that it has set now, else 0. */
long signal_stacks_call(const struct sys_regs *regs, unsigned long *size);
