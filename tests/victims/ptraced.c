/*
 * What a program under ptrace may do, one thing at a time: ptraced WHAT [ARGUMENT...].
 */
#include "victim.h"
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS 100

static volatile sig_atomic_t stop, received;

static void map_and_unmap(size_t length)
{
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        give_up("mmap");
    memory[0] = 1;
    if (mprotect(memory, 4096, PROT_READ) != 0 || munmap(memory, length) != 0)
        give_up("mprotect or munmap");
}

static void *change_maps(void *argument)
{
    for (int i = 0; i < ROUNDS; i++) {
        map_and_unmap(8192u + 4096u * (unsigned)(i % 5));
        volatile char *block = malloc(200000);
        block[0] = 1;
        free((void *)block);
    }
    return argument;
}

static int threads(int count)
{
    pthread_t ids[64];
    for (int i = 0; i < count; i++)
        if (pthread_create(&ids[i], NULL, change_maps, NULL) != 0)
            give_up("pthread_create");
    for (int i = 0; i < count; i++)
        pthread_join(ids[i], NULL);
    say("@ threads %d\n", count);
    return 0;
}

/* The child's system calls must work, whether anybody looks at it or not. */
static int children(int count)
{
    for (int i = 0; i < count; i++) {
        pid_t pid = fork();
        int status;
        if (pid == 0) {
            map_and_unmap(40960);
            volatile char *block = malloc(1u << 20);
            block[0] = 1;
            _exit(block ? 3 : 4);
        }
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
            give_up("waitpid");
        say("@ child %d %d\n", pid, WEXITSTATUS(status));
    }
    say("@ system %d\n", WEXITSTATUS(system("exit 6")));
    return 0;
}

/* By a system call of its own, to see the registers that the program sees: the flags of clone(2)
 * are where they were. */
static pid_t clone_by_flags(unsigned long flags, unsigned long *flags_behind)
{
    long pid;
#ifdef __x86_64__
    register long tls asm("r8") = 0, child_tid asm("r10") = 0;
    asm volatile("syscall"
                 : "=a"(pid), "+D"(flags)
                 : "0"(SYS_clone), "S"(0), "d"(0), "r"(tls), "r"(child_tid)
                 : "rcx", "r11", "memory");
#else
    asm volatile("int $0x80"
                 : "=a"(pid), "+b"(flags)
                 : "0"(SYS_clone), "c"(0), "d"(0), "S"(0), "D"(0)
                 : "memory");
#endif
    *flags_behind = flags;
    return (pid_t)pid;
}

static void untraced_child(const char *call, pid_t pid, bool flags_kept)
{
    int status;
    if (pid == 0) {
        map_and_unmap(40960);
        volatile char *block = malloc(1u << 20);
        block[0] = 1;
        execl("/bin/sh", "sh", "-c", flags_kept ? "exit 3" : "exit 4", (char *)NULL);
        _exit(5);
    }
    if (waitpid(pid, &status, __WALL) != pid)
        give_up("waitpid");
    say("@ %s %d %d\n", call, status, flags_kept);
}

/* Children that a tracer is not to see. */
static int untraced(void)
{
    static const struct clone_args readonly = {.flags = CLONE_UNTRACED, .exit_signal = SIGCHLD};
    static struct clone_args writable;
    const volatile __u64 *const flags[] = {&readonly.flags, &writable.flags};
    unsigned long before = CLONE_UNTRACED | SIGCHLD, behind;
    writable = readonly;
    free(malloc(1));
    pid_t pid = clone_by_flags(before, &behind);
    untraced_child("clone", pid, behind == before);
    pid = (pid_t)syscall(SYS_clone3, &writable, sizeof writable);
    untraced_child("clone3", pid, *flags[1] == CLONE_UNTRACED);
    pid = (pid_t)syscall(SYS_clone3, &readonly, sizeof readonly);
    untraced_child("clone3", pid, *flags[0] == CLONE_UNTRACED);
    return 0;
}

/* Goes on after its parent. */
static int daemon_child(const char *path)
{
    if (fork() != 0)
        return 5;
    setsid();
    struct timespec pause = {0, 1000000};
    while (access(path, F_OK) != 0)
        nanosleep(&pause, NULL);
    map_and_unmap(40960);
    return remove(path) == 0 ? 0 : 1;
}

static char **to_execute;

static void *execute(void *argument)
{
    execv(to_execute[0], to_execute);
    give_up("execv");
    return argument;
}

/* While the other threads change the map. */
static int exec_from_thread(char **command)
{
    pthread_t id, other;
    to_execute = command;
    pthread_create(&other, NULL, change_maps, NULL);
    pthread_create(&id, NULL, execute, NULL);
    pthread_join(id, NULL);
    return 1;
}

static void on_signal(int number)
{
    (void)number;
    received++;
}

/* Handlers that change the map, in the middle of calls that do. */
static void on_alarm(int number)
{
    int saved = errno;
    (void)number;
    received++;
    map_and_unmap(20480);
    errno = saved;
}

static int signals(int count)
{
    struct itimerval often = {.it_value.tv_usec = 5000, .it_interval.tv_usec = 5000};
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (received < count)
        change_maps(NULL);
    memset(&often, 0, sizeof often);
    setitimer(ITIMER_REAL, &often, NULL);
    say("@ enough signals\n");
    raise(SIGTERM);
    return 1;
}

static void allocate(void)
{
    for (int i = 0; i < 3; i++) {
        volatile char *block = malloc(200000);
        block[0] = 1;
        free((void *)block);
    }
}

static int is_blocked(void)
{
    sigset_t set;
    allocate();
    sigprocmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, SIGTRAP);
}

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)context;
    say("@ in a handler of %d blocked %d\n", number, is_blocked());
    received += number == SIGTRAP && info->si_code == SI_TKILL && info->si_pid == getpid();
}

static void on_user(int number)
{
    say("@ in a handler of %d blocked %d\n", number, is_blocked());
}

/* SIGTRAP is for debuggers, but a program may use it as any other. */
static int traps(void)
{
    struct sigaction old, ours = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    struct sigaction full = {.sa_handler = on_user};
    sigset_t set, waiting;
    signal(SIGTRAP, SIG_IGN);
    allocate();
    raise(SIGTRAP);
    sigaction(SIGTRAP, NULL, &old);
    say("@ ignored %d\n", old.sa_handler == SIG_IGN);
    sigaction(SIGTRAP, &ours, NULL);
    raise(SIGTRAP);
    sigfillset(&full.sa_mask);
    sigaction(SIGUSR1, &full, NULL);
    raise(SIGUSR1);
    say("@ behind it %d\n", is_blocked());
    sigemptyset(&set);
    sigaddset(&set, SIGTRAP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    allocate();
    raise(SIGTRAP);
    allocate();
    sigpending(&waiting);
    sigaction(SIGTRAP, NULL, &old);
    say("@ blocked %d waits %d handled %d\n", is_blocked(), sigismember(&waiting, SIGTRAP),
        old.sa_sigaction == on_trap && (old.sa_flags & SA_SIGINFO));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    say("@ received %d, blocked %d\n", received, is_blocked());
    sigprocmask(SIG_BLOCK, &set, NULL);
    fflush(stdout);
    pid_t pid = fork();
    int status;
    if (pid == 0)
        _exit(is_blocked() ? 3 : 4);
    waitpid(pid, &status, 0);
    say("@ child %d\n", WEXITSTATUS(status));
    return 0;
}

static void *keep_busy(void *argument)
{
    while (!stop)
        change_maps(NULL);
    return argument;
}

static void on_end(int number)
{
    (void)number;
    stop = 1;
}

/* Until SIGTERM; counts SIGUSR1, each of which is sent only after the one before was counted. */
static int busy(void)
{
    pthread_t ids[2];
    struct sigaction count = {.sa_handler = on_signal}, end = {.sa_handler = on_end};
    sigaction(SIGUSR1, &count, NULL);
    sigaction(SIGTERM, &end, NULL);
    for (int i = 0; i < 2; i++)
        pthread_create(&ids[i], NULL, keep_busy, NULL);
    say("@ ready\n");
    for (int said = 0; !stop;) {
        struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
        if (said < received)
            say("@ received %d\n", ++said);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(ids[i], NULL);
    return 5;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int number = argc > 2 ? atoi(argv[2]) : 0;
    if (strcmp(what, "threads") == 0)
        return threads(number);
    if (strcmp(what, "children") == 0)
        return children(number);
    if (strcmp(what, "untraced") == 0)
        return untraced();
    if (strcmp(what, "daemon") == 0 && argc > 2)
        return daemon_child(argv[2]);
    if (strcmp(what, "exec") == 0 && argc > 2)
        return exec_from_thread(argv + 2);
    if (strcmp(what, "signals") == 0)
        return signals(number);
    if (strcmp(what, "traps") == 0)
        return traps();
    if (strcmp(what, "busy") == 0)
        return busy();
    return 2;
}
