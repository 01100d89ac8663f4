/* Who made a system call that came by the entry. */
#pragma once

#include "shim/base/sys.h"

/* The address behind the system call, in the function of libc or ld.so that made it: `regs` are
 * those that entry_*.S has put on the stack. */
uintptr_t caller_of(const struct sys_regs *regs);
