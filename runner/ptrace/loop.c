#include "runner/ptrace/loop.h"
#include "runner/base/memory.h"
#include "runner/ptrace/source.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS                                                                                    \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |    \
     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT)

/* Stops come in pairs, a few microseconds apart: entry and exit of a call. Who sleeps meanwhile is
 * woken on another, idle CPU, which takes longer (in a virtual machine 50 us) than the call. */
#define AWAKE_NS 50000

long ptrace_ask(int request, pid_t tid, uintptr_t address, uintptr_t data)
{
    long result = ptrace(request, tid, address, data);
    return result < 0 ? -errno : result;
}

void ptrace_go(struct ptrace_source *s, struct thread *thread, int signal)
{
    int how = thread->in_call ? PTRACE_SYSCALL : PTRACE_CONT;
    if (!s->filtered && thread->process && thread->process->space->image)
        how = PTRACE_SYSCALL;
    thread->stopped = false;
    ptrace_ask(how, thread->tid, 0, (uintptr_t)signal); /* it may have been killed meanwhile */
}

pid_t ptrace_wait(const struct ptrace_source *s, pid_t pid, int *status)
{
    const uint64_t until = recorder_now(s->recorder) + AWAKE_NS;
    do {
        pid_t tid = waitpid(pid, status, __WALL | WNOHANG);
        if (tid)
            return tid;
        sched_yield(); /* the program may be waiting for this very CPU */
    } while (recorder_now(s->recorder) < until);
    return waitpid(pid, status, __WALL);
}

/* A stop without a system call: of a group, at our request, or a new thread's first one. */
static void plain_stop(struct ptrace_source *s, struct thread *thread, int signal)
{
    if (!thread->welcome) {
        if (thread->process)
            ptrace_welcome(s, thread);
        return;
    }
    if (signal == SIGTRAP)
        return ptrace_go(s, thread, 0);
    thread->listens = true;
    ptrace_ask(PTRACE_LISTEN, thread->tid, 0, 0);
}

static void on_event(struct ptrace_source *s, struct thread *thread, int number, int signal)
{
    switch (number) {
    case PTRACE_EVENT_SECCOMP:
        return ptrace_call_stop(s, thread);
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        return ptrace_birth(s, thread, number);
    case PTRACE_EVENT_EXEC:
        return ptrace_exec(s, thread->tid);
    case PTRACE_EVENT_EXIT:
        return ptrace_leaving(s, thread);
    case PTRACE_EVENT_STOP:
        return plain_stop(s, thread, signal);
    }
    if (signal == (SIGTRAP | 0x80))
        return ptrace_call_stop(s, thread);
    if (!number && signal == SIGTRAP && ptrace_trapped(s, thread))
        return;
    ptrace_go(s, thread, number ? 0 : signal);
}

void ptrace_stop(struct ptrace_source *s, struct thread *thread, int status)
{
    thread->listens = false;
    if (s->parting)
        return ptrace_part(s, thread, status);
    if (thread->process || (status >> 16) == PTRACE_EVENT_STOP)
        on_event(s, thread, status >> 16, WSTOPSIG(status));
    else /* killed before its first stop, and before its creator's event */
        ptrace_go(s, thread, 0);
}

void ptrace_handle(struct ptrace_source *s, pid_t tid, int status)
{
    struct thread *thread = tracees_find(&s->tracees, tid);
    if (!WIFSTOPPED(status)) {
        if (thread)
            ptrace_ended(s, thread, status);
        return;
    }
    if (!thread) /* a new one; what it is its creator's event will tell */
        thread = tracees_add(&s->tracees, tid);
    thread->stopped = true;
    thread->noted = status;
    if (!s->gathering)
        ptrace_stop(s, thread, status);
}

static bool goes_on(const struct ptrace_source *s)
{
    bool begins = !s->recorder->images;
    bool waits = s->recorded && (s->running || s->waiting || !s->ended);
    return s->tracees.thread_count && (waits || begins) && !ptrace_interrupted();
}

/* Views are flushed now and then, by a timer that runs while something comes: that costs a busy
 * program next to nothing. */
static void flush_if_time(struct ptrace_source *s, struct model *model)
{
    if (!ptrace_ticked())
        return;
    if (s->dirty)
        model_flush(model);
    model_tick(model, !s->dirty);
    s->watching = s->dirty;
    s->dirty = false;
    ptrace_set_timer(s->watching);
}

/* Until no process of interest is left, or nobody wants to see more. */
static void run(struct ptrace_source *s, struct model *model)
{
    while (goes_on(s)) {
        int status;
        pid_t tid = ptrace_wait(s, -1, &status);
        if (tid > 0) {
            s->dirty = true;
            ptrace_handle(s, tid, status);
            if (!s->watching)
                ptrace_set_timer(true);
            s->watching = true;
        } else if (errno == ECHILD) {
            break;
        }
        flush_if_time(s, model);
    }
    ptrace_set_timer(false);
    s->watching = false;
    model_tick(model, true);
}

static bool wants_text(void)
{
    const char *snapshots = getenv(PMT_ENV_SNAPSHOTS);
    return snapshots && strcmp(snapshots, "text") == 0;
}

static int start(struct ptrace_source *s, const struct ptrace_request *request,
                 enum ptrace_failure *failure)
{
    s->options = OPTIONS;
    s->running = request->launch == NULL;
    if (s->running) {
        ptrace_end_by_signals();
        return ptrace_attach(s, request->pid, failure);
    }
    s->options |= PTRACE_O_EXITKILL;
    int error = ptrace_launch(s, request->launch, failure);
    if (!error)
        ptrace_pass_signals_to(s->first);
    return error;
}

/* Children that go on after the program. */
static void wait_for_others(struct ptrace_source *s, const struct ptrace_request *request,
                            struct model *model)
{
    const struct process *p = s->tracees.processes;
    while (p && !(p->recorded && p->space->image))
        p = p->next;
    if (!s->recorded || !p || s->running)
        return;
    ptrace_end_by_signals();
    model_flush(model);
    if (request->waiting)
        request->waiting(s->recorded, p->pid);
    s->waiting = true;
    run(s, model);
}

int ptrace_trace(const struct ptrace_request *request, struct model *model,
                 struct ptrace_result *result, struct ptrace_source **source)
{
    struct ptrace_source *s = *source = memory_get(sizeof *s);
    *result = (struct ptrace_result){.failure = PTRACE_FAILURE_OWN};
    s->recorder = recorder_new(model, wants_text());
    s->follow = request->follow;
    s->call_frames = request->call_frames;
    s->change_frames = request->change_frames;
    s->report = -1;
    int error = start(s, request, &result->failure);
    if (error)
        return error;
    ptrace_start_timer();
    run(s, model);
    wait_for_others(s, request, model);
    ptrace_stop_recording(s);
    if (!s->filtered)
        ptrace_detach(s);
    ptrace_read_report(s);
    result->started = s->recorder->images > 0;
    result->unfiltered = !s->filtered;
    result->status = s->status;
    if (!result->started && s->exec_error) {
        result->failure = PTRACE_FAILURE_EXEC;
        return s->exec_error;
    }
    return 0;
}

void ptrace_release(struct ptrace_source *s)
{
    int status;
    pid_t tid;
    ptrace_ignore_signals();
    while (s->tracees.thread_count && ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR))
        if (tid > 0)
            ptrace_handle(s, tid, status);
    tracees_free(&s->tracees);
    recorder_free(s->recorder);
    if (s->report >= 0)
        close(s->report);
    memory_put(s);
}
