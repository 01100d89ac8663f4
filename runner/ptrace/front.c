#include "runner/ptrace/front.h"
#include "runner/program/pass_signals.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct report {
    int status, own;
};

static pid_t tracer;

static void wait_for_report(int from, int *status, int *own)
{
    struct report r = {.own = 125};
    ssize_t got;
    while ((got = read(from, &r, sizeof r)) < 0 && errno == EINTR)
        ;
    if (got != sizeof r) /* killed: the end of the tracer is ours */
        r.own = waitpid(tracer, &r.status, 0) == tracer ? -1 : 125;
    *status = r.status;
    *own = r.own;
}

bool front_fork(struct front *front, bool running, int *status, int *own)
{
    const int at_our_end = running ? SIGTERM : SIGKILL;
    int ends[2];
    front->report = -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return true; /* then the tool ends with the last child */
    fflush(NULL);
    pid_t parent = getpid();
    tracer = fork();
    if (tracer <= 0) {
        close(ends[0]);
        front->report = tracer == 0 ? ends[1] : -1;
        if (tracer == 0 && (prctl(PR_SET_PDEATHSIG, at_our_end) != 0 || getppid() != parent))
            _exit(125);
        return true;
    }
    close(ends[1]);
    pass_signals_to(tracer, running);
    wait_for_report(ends[0], status, own);
    return false;
}

void front_step_aside(const struct front *front)
{
    if (front->report < 0)
        return;
    setpgid(0, 0);
    signal(SIGTTOU, SIG_IGN);
    prctl(PR_SET_NAME, "pmt-tracer");
}

void front_end(struct front *front, int status, int own)
{
    struct report r = {status, own};
    if (front->report < 0)
        return;
    prctl(PR_SET_PDEATHSIG, 0);
    fflush(NULL);
    setsid(); /* nothing of the terminal is for us any more */
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    if (write(front->report, &r, sizeof r) < 0)
        _exit(125);
}
