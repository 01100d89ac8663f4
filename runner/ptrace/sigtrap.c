#include "runner/ptrace/sigtrap.h"
#include "runner/ptrace/mem.h"
#include "runner/ptrace/proc.h"
#include <linux/audit.h>
#include <string.h>
#include <sys/wait.h>

#define BIT(number) (UINT64_C(1) << ((number)-1))
#define NEVER_BLOCKED (BIT(SIGKILL) | BIT(SIGSTOP))
#define OF_GLIBC (BIT(32) | BIT(33)) /* not in the sets of sigfillset(3) */

static uint64_t mask_of(const struct tracee *thread)
{
    uint64_t mask = 0;
    ptracer_ask(PTRACE_GETSIGMASK, thread->tid, sizeof mask, (uintptr_t)&mask);
    return mask;
}

static void set_mask(const struct tracee *thread, uint64_t mask)
{
    ptracer_ask(PTRACE_SETSIGMASK, thread->tid, sizeof mask, (uintptr_t)&mask);
}

void sigtrap_read_mask(struct tracee *thread)
{
    thread->sigtrap.mask = mask_of(thread);
}

void sigtrap_read(struct tracee *thread)
{
    struct sigtrap_action *action = &thread->process->sigtrap;
    *action = (struct sigtrap_action){.bytes = {0}};
    if (proc_signals(thread->tid, "SigIgn") & BIT(SIGTRAP))
        action->bytes[0] = 1; /* SIG_IGN */
    sigtrap_read_mask(thread);
}

void sigtrap_entry(struct tracee *thread, const struct __ptrace_syscall_info *info)
{
    const uint64_t *args = info->entry.args;
    thread->sigtrap.call = syscalls_signals(info->arch, info->entry.nr);
    if (thread->sigtrap.call == SYSCALLS_ACTION && args[0] == SIGTRAP)
        thread->sigtrap.action_at = args[1];
    else if (thread->sigtrap.call == SYSCALLS_ACTION)
        thread->sigtrap.call = SYSCALLS_NO_SIGNALS;
}

static size_t action_size(uint32_t arch)
{
    return arch == AUDIT_ARCH_I386 ? 20 : 32;
}

void sigtrap_exit(struct tracee *thread, const struct __ptrace_syscall_info *info)
{
    struct sigtrap *s = &thread->sigtrap;
    struct sigtrap_action action = {.bytes = {0}};
    if (s->call == SYSCALLS_MASK)
        sigtrap_read_mask(thread);
    if (s->call == SYSCALLS_ACTION && !info->exit.is_error && s->action_at &&
        mem_read(thread->tid, s->action_at, action.bytes, action_size(info->arch)))
        thread->process->sigtrap = action;
    s->call = SYSCALLS_NO_SIGNALS;
}

/* A handler of a signal adds to what is blocked; whether SIGTRAP is among that cannot be known, but
 * is assumed where everything else is. */
static bool was_blocked(const struct tracee *thread)
{
    uint64_t now = mask_of(thread), rest = NEVER_BLOCKED | OF_GLIBC | BIT(SIGTRAP);
    return (thread->sigtrap.mask & BIT(SIGTRAP)) || (now | rest) == ~UINT64_C(0);
}

static bool hold(struct tracee *thread, const siginfo_t *info)
{
    bool blocked = was_blocked(thread);
    if (blocked)
        thread->sigtrap.held = *info;
    return blocked;
}

/* Until it has made one system call. */
static bool make_call(struct ptracer *t, const struct tracee *thread, int signal, int *instead)
{
    for (;; signal = 0) {
        struct __ptrace_syscall_info info = {0};
        int status;
        if (ptracer_ask(PTRACE_SYSCALL, thread->tid, 0, (uintptr_t)signal) < 0 ||
            !ptracer_wait_for(t, thread->tid, &status))
            return false;
        if (!WIFSTOPPED(status) || status >> 16 == PTRACE_EVENT_EXIT) {
            *instead = status;
            return false;
        }
        ptracer_ask(PTRACE_GET_SYSCALL_INFO, thread->tid, sizeof info, (uintptr_t)&info);
        if (info.op == PTRACE_SYSCALL_INFO_EXIT)
            return true;
    }
}

/* A program with a filter of its own may not be allowed to. */
static bool may_call(const struct ptracer *t, const struct tracee *thread)
{
    return proc_status(thread->tid, "Seccomp") != 1 &&
           proc_status(thread->tid, "Seccomp_filters") <= (t->filtered ? 1 : 0);
}

/* The thread makes rt_sigaction(2), with every signal blocked. */
static bool set_action(struct ptracer *t, const struct tracee *thread, int *signal, int *instead)
{
    const struct space *space = thread->process->space;
    const struct sigtrap_action *action = &thread->process->sigtrap;
    struct user_regs_struct regs, call;
    uint8_t below[sizeof action->bytes];
    ptracer_ask(PTRACE_GETREGS, thread->tid, 0, (uintptr_t)&regs);
    uint64_t at = (regs.rsp - 512) & ~UINT64_C(15); /* below the red zone */
    if (!space->breakpoints.system_call || !may_call(t, thread) ||
        !mem_read(thread->tid, at, below, sizeof below) ||
        !mem_write(thread->tid, at, action->bytes, sizeof action->bytes))
        return true;
    call = regs;
    call.rip = space->breakpoints.system_call;
    call.orig_rax = ~0ull;
    if (space->word_size == 8) {
        call.rax = SYSCALLS_ACTION_OF_X86_64;
        call.rdi = SIGTRAP, call.rsi = at, call.rdx = 0, call.r10 = 8;
    } else {
        call.rax = SYSCALLS_ACTION_OF_I386;
        call.rbx = SIGTRAP, call.rcx = at, call.rdx = 0, call.rsi = 8;
    }
    ptracer_ask(PTRACE_SETREGS, thread->tid, 0, (uintptr_t)&call);
    set_mask(thread, ~UINT64_C(0));
    if (!make_call(t, thread, *signal, instead))
        return false;
    *signal = 0;
    ptracer_ask(PTRACE_SETREGS, thread->tid, 0, (uintptr_t)&regs);
    return mem_write(thread->tid, at, below, sizeof below);
}

static uint64_t word_of_action(const struct tracee *thread, unsigned number)
{
    const unsigned size = thread->process->space->word_size;
    uint64_t word = 0;
    memcpy(&word, thread->process->sigtrap.bytes + (size_t)number * size, size);
    return word;
}

static bool is_ignored(const struct tracee *thread)
{
    return word_of_action(thread, 0) == 1; /* SIG_IGN */
}

void sigtrap_deliver(struct tracee *thread)
{
    uint64_t flags = word_of_action(thread, 1);
    thread->sigtrap.held.si_signo = 0;
    if (word_of_action(thread, 0) <= 1)
        return;
    if (!(flags & SA_NODEFER))
        thread->sigtrap.mask |= BIT(SIGTRAP);
    if (flags & (unsigned)SA_RESETHAND)
        thread->process->sigtrap = (struct sigtrap_action){.bytes = {0}};
}

bool sigtrap_block(const struct tracee *thread)
{
    bool blocked = was_blocked(thread);
    if (blocked)
        set_mask(thread, mask_of(thread) | BIT(SIGTRAP));
    return blocked;
}

bool sigtrap_restore(struct ptracer *t, struct tracee *thread, int *signal, int *instead)
{
    static const struct sigtrap_action none = {.bytes = {0}};
    struct sigtrap *s = &thread->sigtrap;
    bool waits = s->held.si_signo == SIGTRAP;
    s->held.si_signo = 0;
    if (!sigtrap_block(thread) && !is_ignored(thread))
        return true;
    const uint64_t mask = mask_of(thread);
    if (waits && !*signal) { /* it is blocked: so it will wait again */
        s->held.si_signo = *signal = SIGTRAP;
        ptracer_ask(PTRACE_SETSIGINFO, thread->tid, 0, (uintptr_t)&s->held);
        s->held.si_signo = 0;
    }
    if (memcmp(&thread->process->sigtrap, &none, sizeof none) == 0)
        return true;
    bool done = set_action(t, thread, signal, instead);
    set_mask(thread, mask);
    return done;
}

bool sigtrap_is_breakpoint(struct tracee *thread)
{
    siginfo_t info = {0};
    ptracer_ask(PTRACE_GETSIGINFO, thread->tid, 0, (uintptr_t)&info);
    if (info.si_code == SI_KERNEL || info.si_code == TRAP_BRKPT)
        return true;
    return hold(thread, &info);
}

void sigtrap_go_on(struct ptracer *t, struct tracee *thread, int signal, int *instead)
{
    if (sigtrap_restore(t, thread, &signal, instead))
        ptracer_go(t, thread, signal);
}
