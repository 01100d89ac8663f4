/* What signals do, as the program sees it: the default, where last_words.c has a handler. */
#pragma once

#include "shim/base/sys.h"
#include <stdbool.h>

/* Puts the handlers in, where a signal has its default. */
void dispositions_begin(void);

/* In a new process; in one that is not traced all is as the program has set it, from now on. */
void dispositions_forked(void);

/* Takes the handlers out for good: the program does something that they would change. */
void dispositions_give_up(void);

/* Whether it is a system call for dispositions_call(), which makes it, in any process. */
static inline bool dispositions_concern(unsigned long number)
{
#ifdef __i386__
    if (number == __NR_sigaction || number == __NR_signal)
        return true;
#endif
    return number == __NR_rt_sigaction || number == __NR_sigaltstack;
}
long dispositions_call(const struct sys_regs *regs);
