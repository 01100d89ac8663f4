#include "runner/ptrace/untraced.h"
#include "runner/ptrace/mem.h"
#include <linux/audit.h>
#include <linux/sched.h>
#include <sys/user.h>

/* i386 has its first argument in another register, in a 64-bit program, too. */
static void change_register(const struct tracee *thread, bool flag)
{
    struct user_regs_struct regs;
    if (ptracer_ask(PTRACE_GETREGS, thread->tid, 0, (uintptr_t)&regs) < 0)
        return;
    unsigned long long *argument = thread->untraced.by_i386 ? &regs.rbx : &regs.rdi;
    *argument = flag ? *argument | CLONE_UNTRACED : *argument & ~(uint64_t)CLONE_UNTRACED;
    ptracer_ask(PTRACE_SETREGS, thread->tid, 0, (uintptr_t)&regs);
}

/* The program may have it in memory that it cannot write to. */
static bool change_memory(const struct tracee *thread, bool flag)
{
    uint64_t at = thread->untraced.flags_at, flags;
    if (!mem_read(thread->tid, at, &flags, sizeof flags) || !(flags & CLONE_UNTRACED) != flag)
        return false;
    flags ^= CLONE_UNTRACED;
    return mem_write_code(thread->tid, at, &flags, sizeof flags);
}

void untraced_take(struct tracee *thread, const struct __ptrace_syscall_info *info)
{
    const uint64_t *at_entry = info->entry.args;
    enum syscalls_clone clone = syscalls_clone(info->arch, info->entry.nr);
    struct untraced *u = &thread->untraced;
    u->by_i386 = info->arch == AUDIT_ARCH_I386;
    u->flags_at = clone == SYSCALLS_CLONE3 ? at_entry[0] : 0;
    u->taken = clone == SYSCALLS_CLONE ? at_entry[0] & CLONE_UNTRACED
                                       : clone == SYSCALLS_CLONE3 && change_memory(thread, false);
    if (u->taken && !u->flags_at)
        change_register(thread, false);
}

void untraced_put_back(struct tracee *thread)
{
    if (thread->untraced.taken && thread->untraced.flags_at)
        change_memory(thread, true);
    else if (thread->untraced.taken)
        change_register(thread, true);
    thread->untraced.taken = false;
}

void untraced_inherit(struct tracee *child, const struct tracee *creator)
{
    child->untraced = creator->untraced;
    if (child->untraced.flags_at && child->process->space == creator->process->space)
        child->untraced.taken = false;
}
