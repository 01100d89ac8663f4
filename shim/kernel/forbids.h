/* The program forbids to itself what the shim would do: system calls, by seccomp(2), or to read the
 * time stamp counter. From then on the shim does nothing any more. */
#pragma once

#include "schemas/record.h"
#include "shim/base/sys.h"

/* What the call is about to forbid; NONE: nothing, or it is known to fail. */
enum pmt_forbidden forbids_what(const struct sys_regs *regs);

/* Makes the call. If it succeeds, the look before it was the last one. */
long forbids_call(const struct sys_regs *regs, enum pmt_forbidden what);
