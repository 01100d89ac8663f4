/* Children that the program hides from its tracer, by CLONE_UNTRACED: they have the filter, and the
 * breakpoints in their memory, and would die of them. So the flag is taken away at the call's
 * entry, and is there again before the program goes on. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* At the entry of any call. */
void untraced_take(struct tracee *thread, const struct __ptrace_syscall_info *info);

/* In a thread that is stopped in, or behind, such a call. */
void untraced_put_back(struct tracee *thread);

/* In its child, at its first stop, with a copy of all that its creator had. */
void untraced_inherit(struct tracee *child, const struct tracee *creator);
