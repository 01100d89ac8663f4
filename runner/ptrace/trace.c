#include "runner/ptrace/trace.h"
#include "runner/base/memory.h"
#include "runner/program/pass_signals.h"
#include "runner/ptrace/attach.h"
#include "runner/ptrace/life.h"
#include "runner/ptrace/moments.h"
#include "runner/ptrace/signals.h"
#include "runner/ptrace/start.h"
#include "runner/ptrace/stops.h"
#include "runner/ptrace/where.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS                                                                                    \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |    \
     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT)

static bool goes_on(const struct ptracer *t)
{
    bool begins = !t->recorder->images;
    bool waits = t->recorded && (t->running || t->waiting || !t->ended);
    return t->tracees.thread_count && (waits || begins) && !signals_interrupted();
}

/* Views are flushed now and then, by a timer that runs while something comes: that costs a busy
 * program next to nothing. */
static void flush_if_time(struct ptracer *t, struct model *model)
{
    if (!signals_ticked())
        return;
    if (t->dirty)
        model_flush(model);
    model_tick(model, !t->dirty);
    t->watching = t->dirty;
    t->dirty = false;
    signals_set_timer(t->watching);
}

/* Until no process of interest is left, or nobody wants to see more. */
static void run(struct ptracer *t, struct model *model)
{
    while (goes_on(t)) {
        int status;
        pid_t tid = ptracer_wait(t, -1, &status);
        if (tid > 0) {
            t->dirty = true;
            stops_handle(t, tid, status);
            if (!t->watching)
                signals_set_timer(true);
            t->watching = true;
        } else if (errno == ECHILD) {
            break;
        }
        flush_if_time(t, model);
    }
    signals_set_timer(false);
    t->watching = false;
    model_tick(model, true);
}

static bool wants_text(void)
{
    const char *snapshots = getenv(PMT_ENV_SNAPSHOTS);
    return snapshots && strcmp(snapshots, "text") == 0;
}

static int start(struct ptracer *t, const struct trace_request *request)
{
    t->options = OPTIONS;
    t->running = request->launch == NULL;
    if (t->running) {
        signals_end_tracing();
        return attach_process(t, request->pid);
    }
    t->options |= PTRACE_O_EXITKILL;
    int error = start_program(t, request->launch);
    if (!error)
        pass_signals_to(t->first, false);
    return error;
}

/* Children that go on after the program. */
static void wait_for_others(struct ptracer *t, const struct trace_request *request,
                            struct model *model)
{
    const struct process *p = t->tracees.processes;
    while (p && !(p->recorded && p->space->image))
        p = p->next;
    if (!t->recorded || !p || t->running)
        return;
    signals_end_tracing();
    model_flush(model);
    request->waiting(t->recorded, p->pid);
    t->waiting = true;
    run(t, model);
}

int trace_program(const struct trace_request *request, struct model *model,
                  struct trace_result *result, struct ptracer **tracer)
{
    struct ptracer *t = *tracer = memory_get(sizeof *t);
    t->recorder = recorder_new(model, wants_text());
    t->follow = request->follow;
    t->no_last_words = request->no_last_words;
    t->wants_where = request->where;
    t->where_names = request->where_names;
    t->wants_resident = request->resident;
    t->moment_names = request->moments;
    t->call_frames = request->call_frames;
    t->change_frames = request->change_frames;
    t->report = -1;
    int error = start(t, request);
    *result =
        (struct trace_result){.failure = t->refused ? TRACE_FAILURE_REFUSED : TRACE_FAILURE_OWN};
    result->other = t->other;
    if (error && t->running)
        attach_end(t);
    if (error)
        return error;
    signals_start_timer();
    run(t, model);
    wait_for_others(t, request, model);
    life_stop_recording(t);
    if (!t->filtered)
        attach_end(t);
    start_read_report(t);
    const char *unknown = moments_unknown(t->moments);
    snprintf(result->unknown_moment, sizeof result->unknown_moment, "%s", unknown ? unknown : "");
    result->started = t->recorder->images > 0;
    result->unfiltered = !t->filtered;
    result->status = t->status;
    if (!result->started && t->exec_error) {
        result->failure = TRACE_FAILURE_EXEC;
        return t->exec_error;
    }
    return 0;
}

void trace_release(struct ptracer *t)
{
    int status;
    pid_t tid;
    signals_ignore();
    while (t->tracees.thread_count && ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR))
        if (tid > 0)
            stops_handle(t, tid, status);
    tracees_free(&t->tracees);
    where_free(t->where);
    moments_free(t->moments);
    points_free(&t->points);
    recorder_free(t->recorder);
    if (t->report >= 0)
        close(t->report);
    memory_put(t);
}
