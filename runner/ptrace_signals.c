#include "ptrace_source.h"
#include <signal.h>
#include <sys/time.h>

static pid_t forward_to; /* the program, for on_signal() */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    if (forward_to > 0)
        kill(forward_to, number);
}

static void on_timer(int number)
{
    (void)number; /* it is enough that waitpid(2) returns */
}

/* A signal just before waitpid(2) would not wake it: the timer does, until it has been noticed. */
static void on_interrupt(int number)
{
    struct itimerval often = {.it_value.tv_usec = 10000, .it_interval.tv_usec = 10000};
    (void)number;
    interrupted = 1;
    setitimer(ITIMER_REAL, &often, NULL);
}

static void set(int number, void (*action)(int))
{
    struct sigaction how = {.sa_handler = action};
    sigaction(number, &how, NULL);
}

void ptrace_pass_signals_to(pid_t pid)
{
    forward_to = pid;
    set(SIGINT, SIG_IGN);
    set(SIGQUIT, SIG_IGN);
    set(SIGPIPE, SIG_IGN);
    set(SIGTERM, on_signal);
    set(SIGHUP, on_signal);
    set(SIGUSR1, on_signal);
    set(SIGUSR2, on_signal);
}

void ptrace_end_by_signals(void)
{
    set(SIGALRM, on_timer);
    set(SIGPIPE, SIG_IGN);
    set(SIGINT, on_interrupt);
    set(SIGTERM, on_interrupt);
    set(SIGHUP, on_interrupt);
}

bool ptrace_interrupted(void)
{
    return interrupted != 0;
}

void ptrace_ignore_signals(void)
{
    struct itimerval never = {0};
    setitimer(ITIMER_REAL, &never, NULL);
    set(SIGINT, SIG_IGN);
    set(SIGTERM, SIG_IGN);
    set(SIGHUP, SIG_IGN);
}
