#include "runner/ptrace/signals.h"
#include <signal.h>
#include <sys/time.h>

#define TICK_US 20000

static volatile sig_atomic_t interrupted, ticked;

static void on_timer(int number)
{
    (void)number;
    ticked = 1;
}

/* A signal just before waitpid(2) would not wake it: a timer does, again and again. */
static void set_timer(int microseconds)
{
    struct itimerval often = {.it_value.tv_usec = microseconds,
                              .it_interval.tv_usec = microseconds};
    setitimer(ITIMER_REAL, &often, NULL);
}

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
    set_timer(TICK_US);
}

void signals_set_timer(bool on)
{
    ticked = 0;
    set_timer(on ? TICK_US : 0);
    if (interrupted) /* the timer is needed for that */
        set_timer(TICK_US);
}

bool signals_ticked(void)
{
    return ticked;
}

static void set(int number, void (*action)(int))
{
    struct sigaction how = {.sa_handler = action};
    sigaction(number, &how, NULL);
}

void signals_start_timer(void)
{
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    set(SIGALRM, on_timer);
    sigprocmask(SIG_UNBLOCK, &alarm, NULL); /* it is ours; the program has its mask by now */
}

void signals_end_tracing(void)
{
    static const int others[] = {SIGQUIT, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF,
                                 SIGXCPU, SIGIO,   SIGPWR,  SIGSTKFLT};
    sigset_t end;
    set(SIGPIPE, SIG_IGN);
    set(SIGINT, on_interrupt);
    set(SIGTERM, on_interrupt);
    set(SIGHUP, on_interrupt);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct sigaction how;
        if (sigaction(others[i], NULL, &how) == 0 && how.sa_handler == SIG_DFL)
            set(others[i], on_interrupt);
    }
    sigemptyset(&end);
    sigaddset(&end, SIGTERM); /* the front's end */
    sigprocmask(SIG_UNBLOCK, &end, NULL);
}

bool signals_interrupted(void)
{
    return interrupted != 0;
}

void signals_ignore(void)
{
    set_timer(0);
    set(SIGINT, SIG_IGN);
    set(SIGTERM, SIG_IGN);
    set(SIGHUP, SIG_IGN);
}
