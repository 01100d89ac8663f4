#include "runner/ptrace/ptracer.h"
#include "runner/ptrace/proc.h"
#include <errno.h>
#include <sched.h>
#include <sys/wait.h>

/* Stops come in pairs, a few microseconds apart: entry and exit of a call. Who sleeps meanwhile is
 * woken on another, idle CPU, which takes longer (in a virtual machine 50 us) than the call. */
#define AWAKE_NS 50000

long ptracer_ask(int request, pid_t tid, uintptr_t address, uintptr_t data)
{
    long result = ptrace(request, tid, address, data);
    return result < 0 ? -errno : result;
}

void ptracer_refused(struct ptracer *t, pid_t tid)
{
    t->refused = true;
    t->other = (pid_t)proc_status(tid, "TracerPid");
}

void ptracer_go(struct ptracer *t, struct tracee *thread, int signal)
{
    int how = thread->in_call || thread->untraced.taken || thread->sigtrap.call ? PTRACE_SYSCALL
                                                                                : PTRACE_CONT;
    if (!t->filtered && thread->process && thread->process->space->image)
        how = PTRACE_SYSCALL;
    thread->stopped = false;
    ptracer_ask(how, thread->tid, 0, (uintptr_t)signal); /* it may have been killed meanwhile */
}

pid_t ptracer_wait(const struct ptracer *t, pid_t pid, int *status)
{
    const uint64_t until = recorder_now(t->recorder) + AWAKE_NS;
    do {
        pid_t tid = waitpid(pid, status, __WALL | WNOHANG);
        if (tid)
            return tid;
        sched_yield(); /* the program may be waiting for this very CPU */
    } while (recorder_now(t->recorder) < until);
    return waitpid(pid, status, __WALL);
}

bool ptracer_wait_for(const struct ptracer *t, pid_t tid, int *status)
{
    pid_t got;
    do
        got = ptracer_wait(t, tid, status);
    while (got < 0 && errno == EINTR);
    return got == tid;
}
