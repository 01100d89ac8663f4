#include "ptrace.h"
#include "memory.h"
#include "ptrace_source.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS                                                                                    \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |    \
     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT)

static pid_t forward_to; /* the program, for on_signal() */

static void on_signal(int number)
{
    if (forward_to > 0)
        kill(forward_to, number);
}

/* Ctrl-C reaches the program by itself; what is sent to the runner alone is passed on. */
static void set_signals(pid_t pid)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, forward = {.sa_handler = on_signal};
    forward_to = pid;
    sigaction(SIGINT, &ignore, NULL);
    sigaction(SIGQUIT, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGTERM, &forward, NULL);
    sigaction(SIGHUP, &forward, NULL);
    sigaction(SIGUSR1, &forward, NULL);
    sigaction(SIGUSR2, &forward, NULL);
}

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

static void event(struct ptrace_source *s, struct thread *thread, int number, int signal)
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
    ptrace_go(s, thread, number ? 0 : signal);
}

static void handle(struct ptrace_source *s, pid_t tid, int status)
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
    thread->listens = false;
    if (!thread->process && (status >> 16) != PTRACE_EVENT_STOP)
        return;
    event(s, thread, status >> 16, WSTOPSIG(status));
}

/* Until no process of interest is left. */
static void run(struct ptrace_source *s, struct model *model)
{
    while (s->tracees.thread_count && (s->recorded || !s->recorder->images)) {
        int status;
        pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
        if (tid == 0) {
            model_flush(model);
            tid = waitpid(-1, &status, __WALL);
        }
        if (tid > 0)
            handle(s, tid, status);
        else if (errno == ECHILD)
            break;
    }
}

static bool wants_text(void)
{
    const char *snapshots = getenv(PMT_ENV_SNAPSHOTS);
    return snapshots && strcmp(snapshots, "text") == 0;
}

int ptrace_trace(const struct ptrace_request *request, struct model *model,
                 struct ptrace_result *result, struct ptrace_source **source)
{
    struct ptrace_source *s = *source = memory_get(sizeof *s);
    *result = (struct ptrace_result){.failure = PTRACE_FAILURE_OWN};
    s->recorder = recorder_new(model, wants_text());
    s->follow = request->follow;
    s->report = -1;
    s->options = OPTIONS | PTRACE_O_EXITKILL;
    int error = ptrace_launch(s, request->launch, &result->failure);
    if (error)
        return error;
    set_signals(s->first);
    run(s, model);
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
    while (s->tracees.thread_count && ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR))
        if (tid > 0)
            handle(s, tid, status);
    tracees_free(&s->tracees);
    recorder_free(s->recorder);
    if (s->report >= 0)
        close(s->report);
    memory_put(s);
}
