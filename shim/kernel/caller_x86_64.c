#include "shim/kernel/caller.h"

uintptr_t caller_of(const struct sys_regs *regs)
{
    return *(const uintptr_t *)(regs + 1);
}
