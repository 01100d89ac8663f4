#include "runner/program/pass_signals.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static int receiver;

/* By a descriptor: a number may be another process's by now. Where there is nobody any more, what
 * would end us does what Ctrl-C does then. */
static void pass(int number)
{
    int saved_errno = errno;
    bool passed = syscall(SYS_pidfd_send_signal, receiver, number, NULL, 0) == 0;
    if (!passed && (number == SIGTERM || number == SIGHUP))
        raise(SIGINT);
    errno = saved_errno;
}

void pass_signals_to(pid_t pid, bool keys)
{
    static const int passed[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
    const struct sigaction passing = {.sa_handler = pass, .sa_flags = SA_RESTART};
    receiver = (int)syscall(SYS_pidfd_open, pid, 0);
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        sigaction(passed[i], &passing, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!keys) {
        signal(SIGINT, SIG_IGN);
        signal(SIGQUIT, SIG_IGN);
    }
}
