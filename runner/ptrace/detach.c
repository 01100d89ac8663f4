#include "runner/ptrace/detach.h"
#include "runner/ptrace/allocator.h"
#include "runner/ptrace/life.h"
#include "runner/ptrace/proc.h"
#include "runner/ptrace/stops.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

/* A child that is about to have its first stop must be released, too. */
static void expect_child(struct ptracer *t, const struct tracee *thread)
{
    unsigned long tid = 0;
    ptracer_ask(PTRACE_GETEVENTMSG, thread->tid, 0, (uintptr_t)&tid);
    if (tid && !tracees_find(&t->tracees, (pid_t)tid))
        tracees_add(&t->tracees, (pid_t)tid);
}

/* It has met a breakpoint, but has not been told of it. */
static bool trap_is_pending(const struct tracee *thread)
{
    return thread->process->space->breakpoints.count &&
           (proc_pending_signals(thread->tid) >> (SIGTRAP - 1) & 1);
}

/* At a stop. */
static void part(struct ptracer *t, struct tracee *thread)
{
    int event = thread->noted >> 16, signal = WSTOPSIG(thread->noted);
    bool is_signal = event == 0 && signal != (SIGTRAP | 0x80);
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE)
        expect_child(t, thread);
    if (event == PTRACE_EVENT_EXEC) { /* the others of the process are gone without a word */
        life_exec(t, thread->tid);
        return;
    }
    if (thread->process && !is_signal && trap_is_pending(thread)) {
        ptracer_go(t, thread, 0); /* that comes at once */
        return;
    }
    if (thread->process && allocator_untrap(thread, is_signal && signal == SIGTRAP))
        signal = 0;
    ptracer_ask(PTRACE_DETACH, thread->tid, 0, (uintptr_t)(is_signal ? signal : 0));
    tracees_remove(&t->tracees, thread);
}

static void begin_to_part(void *arg, struct tracee *thread)
{
    struct ptracer *t = arg;
    if (thread->stopped && !thread->listens)
        part(t, thread);
    else
        ptracer_ask(PTRACE_INTERRUPT, thread->tid, 0, 0);
}

void detach_all(struct ptracer *t)
{
    int status;
    for (struct process *p = t->tracees.processes; p; p = p->next)
        if (!p->borrowed)
            breakpoints_remove(&p->space->breakpoints, p->pid);
    tracees_each(&t->tracees, begin_to_part, t);
    while (t->tracees.thread_count) {
        pid_t tid = waitpid(-1, &status, __WALL);
        struct tracee *thread = tid > 0 ? stops_note(t, tid, status) : NULL;
        if (thread)
            part(t, thread);
        else if (tid < 0 && errno == ECHILD)
            return;
    }
}
