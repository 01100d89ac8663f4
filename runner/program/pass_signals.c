#include "runner/program/pass_signals.h"
#include <signal.h>
#include <stddef.h>

static pid_t receiver;

static void pass(int number)
{
    kill(receiver, number);
}

void pass_signals_to(pid_t pid)
{
    static const int passed[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
    static const int ignored[] = {SIGINT, SIGQUIT, SIGPIPE};
    const struct sigaction passing = {.sa_handler = pass, .sa_flags = SA_RESTART};
    receiver = pid;
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        sigaction(passed[i], &passing, NULL);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
}
