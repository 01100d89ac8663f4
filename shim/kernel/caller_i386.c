#include "shim/base/state.h"
#include "shim/kernel/caller.h"

uintptr_t caller_of(const struct sys_regs *regs)
{
    enum { IN_LOADER = 4 }; /* entry_mmap2 is in between, and has pushed three registers */
    const uintptr_t *pc = (const uintptr_t *)(regs + 1);
    return state_owns_code(*pc) ? pc[IN_LOADER] : *pc;
}
