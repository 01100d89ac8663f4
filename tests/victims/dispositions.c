/*
 * dispositions: asks what its signals do and where their handlers run, in all ways that there are, sets
 * that, and asks again; in a thread and in children, too. It prints no addresses: what it prints must
 * be the same with a tracer, which has handlers of its own where the program has none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "victim.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigset and siginterrupt */

static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGUSR1};
#define SIGNALS (sizeof signals / sizeof *signals)

static char own_stack[64 << 10] __attribute__((aligned(4096)));
static uintptr_t base; /* in the frame of main, or of the thread's function */

static const char *place_of(const volatile void *local)
{
    uintptr_t at = (uintptr_t)local;
    if (at - (uintptr_t)own_stack < sizeof own_stack)
        return "on the stack of the program's own";
    return base - at < 16384 ? "on the stack that was interrupted" : "somewhere else";
}

static void handler(int number)
{
    volatile int local = number;
    stack_t now;
    sigaltstack(NULL, &now);
    say("handler of %d runs %s, alternate stack flags %d\n", local, place_of(&local), now.ss_flags);
}

static const char *name_of(const struct sigaction *a)
{
    return a->sa_handler == SIG_DFL   ? "default"
           : a->sa_handler == SIG_IGN ? "ignored"
           : a->sa_handler == handler ? "handler"
                                      : "SOMETHING ELSE";
}

static void ask(const char *when)
{
    stack_t stack;
    memset(&stack, 0xee, sizeof stack);
    for (unsigned i = 0; i < SIGNALS; i++) {
        struct sigaction a;
        memset(&a, 0xee, sizeof a);
        int result = sigaction(signals[i], NULL, &a);
        say("%s: %d %d: %s flags %x mask %d%d%d\n", when, signals[i], result, name_of(&a),
            (unsigned)a.sa_flags & ~0x04000000u, sigismember(&a.sa_mask, SIGUSR1),
            sigismember(&a.sa_mask, SIGSEGV), sigismember(&a.sa_mask, SIGUSR2));
    }
    int result = sigaltstack(NULL, &stack);
    say("%s: alternate stack %d: %s flags %d size %zu\n", when, result,
        stack.ss_sp == NULL         ? "none"
        : stack.ss_sp == own_stack ? "the program's"
                                    : "SOMETHING ELSE",
        stack.ss_flags, stack.ss_size);
}

static void set(int number, void (*function)(int), int flags)
{
    struct sigaction a = {.sa_handler = function, .sa_flags = flags}, old;
    memset(&old, 0xee, sizeof old);
    sigaddset(&a.sa_mask, SIGUSR2);
    int result = sigaction(number, &a, &old);
    say("set %d %x: %d, was %s flags %x\n", number, (unsigned)flags, result, name_of(&old),
        (unsigned)old.sa_flags & ~0x04000000u);
}

static void set_stack(int flags)
{
    stack_t new = {.ss_sp = own_stack, .ss_flags = flags, .ss_size = sizeof own_stack}, old;
    memset(&old, 0xee, sizeof old);
    int result = sigaltstack(&new, &old);
    say("set stack %d: %d, was %s flags %d\n", flags, result,
        old.ss_sp == NULL        ? "none"
        : old.ss_sp == own_stack ? "the program's"
                                  : "SOMETHING ELSE",
        old.ss_flags);
}

static void bad_arguments(void)
{
    struct sigaction a = {.sa_handler = SIG_DFL};
    char *nowhere = (char *)(uintptr_t)8;
    say("bad: %d", sigaction(99, &a, NULL));
    say(" %d", errno);
    say(" %ld", syscall(SYS_rt_sigaction, SIGSEGV, nowhere, NULL, 8));
    say(" %d", errno);
    say(" %ld", syscall(SYS_rt_sigaction, SIGSEGV, NULL, nowhere, 8));
    say(" %d", errno);
    say(" %ld", syscall(SYS_rt_sigaction, SIGSEGV, NULL, NULL, 4));
    say(" %d", errno);
    say(" %ld", syscall(SYS_sigaltstack, nowhere, NULL));
    say(" %d\n", errno);
}

static void by_other_ways(void)
{
    unsigned long raw[8] = {0};
    say("signal: %d", signal(SIGSEGV, SIG_DFL) == SIG_DFL);
    say(" %d", signal(SIGSEGV, handler) == SIG_DFL);
    say(" %d", signal(SIGSEGV, SIG_IGN) == handler);
    say(" %d\n", signal(SIGSEGV, SIG_DFL) == SIG_IGN);
    say("sigset: %d", sigset(SIGBUS, SIG_DFL) == SIG_DFL);
    say(" %d", sigset(SIGBUS, handler) == SIG_DFL);
    say(" %d\n", sigset(SIGBUS, SIG_DFL) == handler);
    siginterrupt(SIGFPE, 1);
    siginterrupt(SIGFPE, 0);
    syscall(SYS_rt_sigaction, SIGFPE, NULL, raw, 8);
    say("raw: handler %lx flags %lx\n", raw[0], raw[1] & ~0x04000000ul);
}

static void children(void)
{
    static char *const words[] = {"grep", "-E", "Sig(Cgt|Ign|Blk)", "/proc/self/status", NULL};
    static char *const none[] = {NULL};
    pid_t pid = fork();
    if (pid == 0) {
        ask("forked");
        set(SIGUSR1, handler, SA_ONSTACK);
        raise(SIGUSR1);
        set(SIGSEGV, SIG_DFL, 0);
        ask("forked");
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    pid = vfork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_IGN);
        signal(SIGBUS, SIG_DFL);
        execve("/bin/grep", words, none);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
    if (posix_spawn(&pid, "/bin/grep", NULL, NULL, words, none) == 0)
        waitpid(pid, NULL, 0);
    ask("behind children");
}

static void *in_thread(void *argument)
{
    volatile int local = 0;
    base = (uintptr_t)&local;
    ask("thread");
    raise(SIGUSR1);
    set_stack(0);
    raise(SIGUSR1);
    ask("thread");
    set_stack(SS_DISABLE);
    raise(SIGUSR1);
    return argument;
}

static void thread(void)
{
    pthread_t id;
    pthread_create(&id, NULL, in_thread, NULL);
    pthread_join(id, NULL);
}

int main(int argc, char **argv)
{
    volatile int local = 0;
    base = (uintptr_t)&local;
    ask("start");
    if (argc > 1 && strcmp(argv[1], "old") == 0) {
#ifdef SYS_signal
        say("old: %ld", syscall(SYS_signal, SIGSEGV, SIG_IGN));
        say(" %ld", syscall(SYS_signal, SIGSEGV, SIG_DFL));
        say(" %ld\n", syscall(SYS_signal, SIGSEGV, SIG_DFL));
        ask("old");
#endif
        return 0;
    }
    bad_arguments();
    by_other_ways();
    set(SIGSEGV, SIG_DFL, SA_NODEFER | SA_ONSTACK);
    set(SIGABRT, SIG_IGN, 0);
    set(SIGUSR1, handler, SA_ONSTACK | SA_RESTART);
    ask("set");
    raise(SIGUSR1);
    children();
    raise(SIGUSR1);
    set_stack(0);
    raise(SIGUSR1);
    set(SIGUSR1, handler, SA_ONSTACK);
    raise(SIGUSR1);
    set(SIGUSR1, handler, 0);
    raise(SIGUSR1);
    set(SIGILL, handler, SA_ONSTACK);
    raise(SIGILL);
    ask("with a stack");
    thread();
    base = (uintptr_t)&local;
    raise(SIGUSR1);
    set_stack(SS_DISABLE);
    raise(SIGUSR1);
    ask("without");
    return 0;
}
