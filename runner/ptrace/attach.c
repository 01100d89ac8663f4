#include "runner/ptrace/attach.h"
#include "runner/ptrace/life.h"
#include "runner/ptrace/proc.h"
#include "runner/ptrace/sigtrap.h"
#include "runner/ptrace/stops.h"
#include "runner/ptrace/traps.h"
#include "runner/ptrace/untraced.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- taking hold ---- */

/* Seizes the thread, unless we have it already: it may be a new one of one that we have. */
static int seize(struct ptracer *t, struct process *process, pid_t tid, bool *fresh)
{
    if (tracees_find(&t->tracees, tid))
        return 0;
    long error = ptracer_ask(PTRACE_SEIZE, tid, 0, t->options);
    if (error == -EPERM && proc_status(tid, "TracerPid") == getpid())
        error = 0;
    else if (!error)
        ptracer_ask(PTRACE_INTERRUPT, tid, 0, 0);
    if (error == -ESRCH && tid != process->pid) /* it has ended meanwhile */
        return 0;
    if (error) {
        ptracer_refused(t, tid);
        return (int)error;
    }
    struct tracee *thread = tracees_add(&t->tracees, tid);
    tracees_join(thread, process);
    thread->welcome = true;
    *fresh = true;
    return 0;
}

/* All that are there; `*fresh`: some were not known. */
static int seize_threads(struct ptracer *t, struct process *process, bool *fresh)
{
    char path[64];
    struct dirent *entry;
    int error = 0;
    snprintf(path, sizeof path, "/proc/%d/task", process->pid);
    DIR *tasks = opendir(path);
    *fresh = false;
    if (!tasks)
        return errno == ENOENT ? -ESRCH : -errno;
    while (!error && (entry = readdir(tasks)) != NULL) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0)
            error = seize(t, process, tid, fresh);
    }
    closedir(tasks);
    return error;
}

static void count_running(void *arg, struct tracee *thread)
{
    unsigned *count = arg;
    *count += !thread->stopped;
}

/* Until each has a stop, which is noted. */
static void gather(struct ptracer *t)
{
    for (;;) {
        unsigned running = 0;
        int status;
        tracees_each(&t->tracees, count_running, &running);
        if (!running)
            return;
        pid_t tid = waitpid(-1, &status, __WALL);
        if (tid > 0)
            stops_note(t, tid, status);
        else if (errno == ECHILD)
            return;
    }
}

static void let_on(void *arg, struct tracee *thread)
{
    struct ptracer *t = arg;
    sigtrap_read_mask(thread);
    if (thread->stopped)
        stops_act(t, thread);
}

int attach_process(struct ptracer *t, pid_t pid)
{
    long leader = proc_status(pid, "Tgid");
    bool fresh = true;
    t->refused = true;
    if (leader <= 0)
        return -ESRCH;
    t->first = (pid_t)leader;
    struct process *p =
        tracees_add_process(&t->tracees, t->first, (pid_t)proc_status(t->first, "PPid"));
    p->recorded = true;
    tracees_use_space(p, tracees_new_space());
    while (fresh) {
        int error = seize_threads(t, p, &fresh);
        if (error)
            return error;
        gather(t);
    }
    struct tracee *thread = tracees_find(&t->tracees, t->first);
    if (!thread)
        return -ESRCH;
    int error = life_begin_image(t, thread, PMT_ORIGIN_START);
    if (!error)
        tracees_each(&t->tracees, let_on, t);
    return error;
}

/* ---- letting go ---- */

/* It has met a breakpoint, but has not been told of it. */
static bool trap_is_pending(const struct tracee *thread)
{
    return thread->process->space->breakpoints.count &&
           ((proc_signals(thread->tid, "SigPnd") & ~proc_signals(thread->tid, "SigBlk")) >>
                (SIGTRAP - 1) &
            1);
}

/* What its stop tells must be known first: a child has a copy of the breakpoints, too; at execve
 * the others of the process are gone without a word. */
static bool is_about_others(const struct tracee *thread)
{
    switch (thread->noted >> 16) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
    case PTRACE_EVENT_EXEC:
        return true;
    }
    return !thread->welcome;
}

/* At a stop. */
static void part(struct ptracer *t, struct tracee *thread)
{
    pid_t tid = thread->tid;
    int signal = WSTOPSIG(thread->noted);
    bool is_signal = thread->noted >> 16 == 0 && signal != (SIGTRAP | 0x80);
    if (is_about_others(thread)) {
        stops_act(t, thread);
        thread = tracees_find(&t->tracees, tid);
        if (thread && !thread->stopped)
            ptracer_ask(PTRACE_INTERRUPT, tid, 0, 0);
        return;
    }
    if (!is_signal && trap_is_pending(thread)) {
        ptracer_go(t, thread, 0); /* that comes at once */
        return;
    }
    bool is_trap = is_signal && signal == SIGTRAP;
    if (traps_undo(t, thread, is_trap)) {
        signal = 0;
        int instead = -1;
        if (!sigtrap_restore(t, thread, &signal, &instead)) {
            thread = instead >= 0 ? stops_note(t, tid, instead) : NULL;
            if (thread)
                part(t, thread);
            return;
        }
    }
    untraced_put_back(thread);
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

static void count_joined(void *arg, struct tracee *thread)
{
    unsigned *count = arg;
    *count += thread->process != NULL;
}

/* Without those whose creator was killed before it could tell of them. */
static unsigned joined(struct ptracer *t)
{
    unsigned count = 0;
    tracees_each(&t->tracees, count_joined, &count);
    return count;
}

void attach_end(struct ptracer *t)
{
    int status;
    for (struct process *p = t->tracees.processes; p; p = p->next)
        if (!p->borrowed)
            traps_remove(t, p);
    tracees_each(&t->tracees, begin_to_part, t);
    while (joined(t)) {
        pid_t tid = waitpid(-1, &status, __WALL);
        struct tracee *thread = tid > 0 ? stops_note(t, tid, status) : NULL;
        if (thread)
            part(t, thread);
        else if (tid < 0 && errno == ECHILD)
            return;
    }
}
