/* fork(2): with --follow the child is traced as an image of its own, from the fork on. */
#pragma once

#include "shim/base/sys.h"
#include <stdbool.h>

/* Makes the system call, fork or clone without CLONE_VM. Signals must be blocked. */
long fork_traced(const struct sys_regs *regs);

/* Whether this process, in which live->sink is SINK_NONE, is a child that nobody saw being made: it
 * is traced from here on, if it can be. */
bool fork_found_out(void);
