/* Taking hold of a running process, and letting go of it. */
#include "runner/ptrace/process_record.h"
#include "runner/ptrace/source.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seizes the thread, unless we have it already: it may be a new one of one that we have. */
static int seize(struct ptrace_source *s, struct process *process, pid_t tid, bool *fresh)
{
    if (tracees_find(&s->tracees, tid))
        return 0;
    long error = ptrace_ask(PTRACE_SEIZE, tid, 0, s->options);
    if (error == -EPERM && images_status(tid, "TracerPid") == getpid())
        error = 0;
    else if (!error)
        ptrace_ask(PTRACE_INTERRUPT, tid, 0, 0);
    if (error == -ESRCH && tid != process->pid) /* it has ended meanwhile */
        return 0;
    if (error)
        return (int)error;
    struct thread *thread = tracees_add(&s->tracees, tid);
    tracees_join(thread, process);
    thread->welcome = true;
    *fresh = true;
    return 0;
}

/* All that are there; `*fresh`: some were not known. */
static int seize_threads(struct ptrace_source *s, struct process *process, bool *fresh)
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
            error = seize(s, process, tid, fresh);
    }
    closedir(tasks);
    return error;
}

static void count_running(void *arg, struct thread *thread)
{
    unsigned *count = arg;
    *count += !thread->stopped;
}

/* Until each has a stop, which is noted. */
static void gather(struct ptrace_source *s)
{
    for (;;) {
        unsigned running = 0;
        int status;
        tracees_each(&s->tracees, count_running, &running);
        if (!running)
            return;
        pid_t tid = waitpid(-1, &status, __WALL);
        if (tid > 0)
            ptrace_handle(s, tid, status);
        else if (errno == ECHILD)
            return;
    }
}

static void let_on(void *arg, struct thread *thread)
{
    struct ptrace_source *s = arg;
    if (thread->stopped)
        ptrace_stop(s, thread, thread->noted);
}

int ptrace_attach(struct ptrace_source *s, pid_t pid, enum ptrace_failure *failure)
{
    long leader = images_status(pid, "Tgid");
    bool fresh = true;
    *failure = PTRACE_FAILURE_REFUSED;
    if (leader <= 0)
        return -ESRCH;
    s->first = (pid_t)leader;
    struct process *p =
        tracees_add_process(&s->tracees, s->first, (pid_t)images_status(s->first, "PPid"));
    p->recorded = true;
    space_use(p, space_new());
    s->gathering = true;
    while (fresh) {
        int error = seize_threads(s, p, &fresh);
        if (error) { /* those that we have are released by our end */
            s->gathering = false;
            return error;
        }
        gather(s);
    }
    s->gathering = false;
    struct thread *thread = tracees_find(&s->tracees, s->first);
    if (!thread)
        return -ESRCH;
    ptrace_begin_image(s, thread, PMT_ORIGIN_START);
    tracees_each(&s->tracees, let_on, s);
    return 0;
}

/* ---- letting go ---- */

static void forget(struct ptrace_source *s, struct thread *thread)
{
    tracees_remove(&s->tracees, thread);
}

/* A child that is about to have its first stop must be released, too. */
static void expect_child(struct ptrace_source *s, const struct thread *thread)
{
    unsigned long tid = 0;
    ptrace_ask(PTRACE_GETEVENTMSG, thread->tid, 0, (uintptr_t)&tid);
    if (tid && !tracees_find(&s->tracees, (pid_t)tid))
        tracees_add(&s->tracees, (pid_t)tid);
}

/* It has met a breakpoint, but has not been told of it. */
static bool trap_is_pending(const struct thread *thread)
{
    return thread->process->space->breakpoints.count &&
           (images_pending_signals(thread->tid) >> (SIGTRAP - 1) & 1);
}

void ptrace_part(struct ptrace_source *s, struct thread *thread, int status)
{
    int event = status >> 16, signal = WSTOPSIG(status);
    bool is_signal = event == 0 && signal != (SIGTRAP | 0x80);
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE)
        expect_child(s, thread);
    if (event == PTRACE_EVENT_EXEC) { /* the others of the process are gone without a word */
        ptrace_exec(s, thread->tid);
        return;
    }
    if (thread->process && !is_signal && trap_is_pending(thread)) {
        ptrace_go(s, thread, 0); /* that comes at once */
        return;
    }
    if (thread->process && ptrace_untrap(thread, is_signal && signal == SIGTRAP))
        signal = 0;
    ptrace_ask(PTRACE_DETACH, thread->tid, 0, (uintptr_t)(is_signal ? signal : 0));
    forget(s, thread);
}

static void begin_to_part(void *arg, struct thread *thread)
{
    struct ptrace_source *s = arg;
    if (thread->stopped && !thread->listens)
        ptrace_part(s, thread, thread->noted);
    else
        ptrace_ask(PTRACE_INTERRUPT, thread->tid, 0, 0);
}

void ptrace_detach(struct ptrace_source *s)
{
    int status;
    s->parting = true;
    for (struct process *p = s->tracees.processes; p; p = p->next)
        if (!p->borrowed)
            ptrace_remove_breakpoints(p->space, p->pid);
    tracees_each(&s->tracees, begin_to_part, s);
    while (s->tracees.thread_count) {
        pid_t tid = waitpid(-1, &status, __WALL);
        if (tid > 0)
            ptrace_handle(s, tid, status);
        else if (errno == ECHILD)
            return;
    }
}
