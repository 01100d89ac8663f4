#include "runner/ptrace/stops.h"
#include "runner/ptrace/last_words.h"
#include "runner/ptrace/life.h"
#include "runner/ptrace/sigtrap.h"
#include "runner/ptrace/syscall_stops.h"
#include "runner/ptrace/traps.h"
#include <signal.h>
#include <sys/wait.h>

/* A stop without a system call: of a group, at our request, or a new thread's first one. */
static void plain_stop(struct ptracer *t, struct tracee *thread, int signal)
{
    if (!thread->welcome) {
        if (thread->process)
            life_welcome(t, thread);
        return;
    }
    if (signal == SIGTRAP)
        return ptracer_go(t, thread, 0);
    thread->listens = true;
    ptracer_ask(PTRACE_LISTEN, thread->tid, 0, 0);
}

/* Whether it was a breakpoint of ours. */
static bool trap(struct ptracer *t, struct tracee *thread)
{
    const pid_t tid = thread->tid;
    int instead = -1;
    bool ours = traps_handle(t, thread, &instead);
    if (instead >= 0)
        stops_handle(t, tid, instead);
    return ours;
}

static void on_event(struct ptracer *t, struct tracee *thread, int number, int signal)
{
    switch (number) {
    case PTRACE_EVENT_SECCOMP:
        return syscall_stops_handle(t, thread);
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        return life_birth(t, thread, number);
    case PTRACE_EVENT_EXEC:
        return life_exec(t, thread->tid);
    case PTRACE_EVENT_EXIT:
        return life_leaving(t, thread);
    case PTRACE_EVENT_STOP:
        return plain_stop(t, thread, signal);
    }
    if (signal == (SIGTRAP | 0x80))
        return syscall_stops_handle(t, thread);
    bool is_trap = !number && signal == SIGTRAP;
    if (is_trap && trap(t, thread))
        return;
    if (is_trap)
        sigtrap_deliver(thread);
    if (!number)
        last_words(t, thread, signal);
    ptracer_go(t, thread, number ? 0 : signal);
}

void stops_act(struct ptracer *t, struct tracee *thread)
{
    int event = thread->noted >> 16;
    if (thread->process || event == PTRACE_EVENT_STOP)
        on_event(t, thread, event, WSTOPSIG(thread->noted));
    else /* killed before its first stop, and before its creator's event */
        ptracer_go(t, thread, 0);
}

struct tracee *stops_note(struct ptracer *t, pid_t tid, int status)
{
    struct tracee *thread = tracees_find(&t->tracees, tid);
    if (!WIFSTOPPED(status)) {
        if (thread)
            life_ended(t, thread, status);
        return NULL;
    }
    if (!thread) /* a new one; what it is its creator's event will tell */
        thread = tracees_add(&t->tracees, tid);
    thread->stopped = true;
    thread->listens = false;
    thread->noted = status;
    return thread;
}

void stops_handle(struct ptracer *t, pid_t tid, int status)
{
    struct tracee *thread = stops_note(t, tid, status);
    if (thread)
        stops_act(t, thread);
}
