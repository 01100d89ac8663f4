/* procmap-trace: wires a source of events, the model and the views together. */
#include "runner/base/translate.h"
#include "runner/compare.h"
#include "runner/explain.h"
#include "runner/model/model.h"
#include "runner/program/find.h"
#include "runner/program/judge.h"
#include "runner/ptrace/front.h"
#include "runner/replay/replay.h"
#include "runner/setup.h"
#include "runner/symbols/symbols.h"
#include "schemas/loader.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_DEMAND_FAILED 124
#define EXIT_OWN_FAILURE 125

/* Demands of --expect that do not hold. */
static size_t failed_demands;

static int show(const struct options *o, struct model *m)
{
    char why[512];
    struct event event;
    struct replay *replay = replay_open(o->arguments[0], why, sizeof why);
    if (!replay) {
        explain_no_trace(o->arguments[0], why);
        model_close(m);
        return EXIT_OWN_FAILURE;
    }
    int result;
    while ((result = replay_next(replay, &event)) > 0)
        if (!model_event(m, &event))
            replay_refuse(replay,
                          _("this window of the map contradicts one before it of its look"));
    int error = model_close(m);
    if (result < 0)
        explain_no_trace(o->arguments[0], replay_error(replay));
    if (error)
        explain(NULL, _("cannot write the output: %s"), strerror(-error));
    replay_close(replay);
    if (result < 0 || error)
        return EXIT_OWN_FAILURE;
    return failed_demands ? EXIT_DEMAND_FAILED : 0;
}

/* The program's end becomes ours: its status, or its signal once more. */
static int end_like(int status)
{
    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status);
    struct rlimit none = {0, 0}; /* the core is the program's, if there is one */
    setrlimit(RLIMIT_CORE, &none);
    signal(WTERMSIG(status), SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, WTERMSIG(status));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(WTERMSIG(status));
    return 128 + WTERMSIG(status);
}

/* Which source fits a program: what cannot be preloaded but runs is traced as by a debugger. */
static bool wants_ptrace(const struct options *o, const struct target *target)
{
    if (options_want_ptrace(o))
        return true;
    if (o->backend != BACKEND_AUTO)
        return o->backend == BACKEND_PTRACE;
    switch (judge_target(target)) {
    case TARGET_STATIC:
    case TARGET_X32:
    case TARGET_OTHER_LIBC:
        return true;
    case TARGET_LOADER:
        return !loader_runs_program(o->arguments);
    case TARGET_SECURE: /* under ptrace it has its privileges only if we have them */
        return geteuid() == 0;
    default:
        return false;
    }
}

static bool prepare(const struct options *o, struct launch *launch, char path[PATH_MAX],
                    char shim[PATH_MAX], bool *by_ptrace, int *status)
{
    static struct target target;
    const char *name = o->arguments[0];
    int error = find_program(name, path);
    if (!error)
        error = inspect_program(path, &target);
    if (error) {
        explain_no_program(o, error);
        *status = judge_exit_status(error);
        return false;
    }
    *launch = (struct launch){.path = path, .argv = o->arguments, .no_aslr = o->no_aslr};
    *by_ptrace = wants_ptrace(o, &target);
    if (*by_ptrace)
        return true;
    error = judge_error(judge_target(&target));
    if (error) {
        explain_unfit(name, &target);
        *status = judge_exit_status(error);
        return false;
    }
    error = launch_find_shim(shim, PATH_MAX);
    if (error)
        explain_shim(shim, error);
    launch->shim = shim;
    launch->sanitizer = target.elf.sanitizer;
    launch->follow = o->follow;
    *status = EXIT_OWN_FAILURE;
    return error == 0;
}

static uint32_t stack_flags(const struct options *o)
{
    static const uint32_t flags[] = {[STACKS_ALL] = 0,
                                     [STACKS_CHANGES] = PMT_RING_CHANGE_STACKS,
                                     [STACKS_NONE] = PMT_RING_NO_STACKS};
    return flags[o->stacks] | (o->verify_stacks ? PMT_RING_VERIFY_STACKS : 0) |
           (o->no_last_words ? PMT_RING_NO_LAST_WORDS : 0);
}

static int run(const struct options *o, struct model *m, struct launch *launch)
{
    struct live_result result = {0};
    bool executing;
    launch->stdout_to_stderr = options_data_on_stdout(o);
    launch->stacks = stack_flags(o);
    launch->stack_depth = (uint8_t)o->stack_depth;
    int error = live_trace(launch, m, explain_waiting, &result, &executing);
    setup_erase_progress();
    int written = model_close(m);
    if (error) {
        if (executing)
            explain_exec(o->arguments[0], launch->path, error);
        else
            explain(o->arguments[0], _("cannot be started: %s"), strerror(-error));
        return executing ? judge_exit_status(error) : EXIT_OWN_FAILURE;
    }
    explain_output(written);
    explain_live(o->arguments[0], &result);
    if (written || !result.started)
        return EXIT_OWN_FAILURE;
    return failed_demands ? EXIT_DEMAND_FAILED : end_like(result.status);
}

/* The exit status, or -1 where it is the program's. */
static int ptrace_status(const struct options *o, int error, int written,
                         const struct trace_result *result)
{
    if (error && result->failure == TRACE_FAILURE_EXEC)
        return judge_exit_status(error);
    if (error || written || !result->started)
        return EXIT_OWN_FAILURE;
    return failed_demands ? EXIT_DEMAND_FAILED : o->pid ? 0 : -1;
}

static int run_ptrace(const struct options *o, struct model *m, struct launch *launch,
                      struct front *front)
{
    struct trace_request request = {
        .launch = o->pid ? NULL : launch, .follow = o->follow, .no_last_words = o->no_last_words};
    struct trace_result result;
    struct ptracer *tracer;
    request.where = o->views[VIEW_WHERE].wanted || o->views[VIEW_QUIZ].wanted;
    request.where_names = o->views[VIEW_QUIZ].wanted ? NULL : o->where_names;
    request.resident = o->views[VIEW_RESIDENT].wanted;
    request.moments = o->moments;
    request.pid = o->pid;
    if (o->pid)
        front_step_aside(front);
    request.waiting = explain_waiting;
    launch->stdout_to_stderr = options_data_on_stdout(o);
    request.change_frames = o->stacks == STACKS_NONE ? 1 : o->stack_depth;
    request.call_frames = o->stacks == STACKS_ALL ? o->stack_depth : 1;
    int error = trace_program(&request, m, &result, &tracer);
    setup_erase_progress();
    int written = model_close(m);
    if (error && result.failure == TRACE_FAILURE_EXEC)
        explain_exec(o->arguments[0], launch->path, error);
    else if (error)
        explain_failure(o, error, &result);
    else
        explain_trace(o, &result, written);
    int own = ptrace_status(o, error, written, &result);
    front_end(front, result.status, own);
    trace_release(tracer);
    return own >= 0 ? own : end_like(result.status);
}

int main(int argc, char **argv)
{
    struct options options;
    struct model model;
    struct launch launch;
    char path[PATH_MAX], shim[PATH_MAX];
    int status;
    int own;
    bool by_ptrace = true;
    struct front front = {.report = -1};
    launch_raise_limits();
    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_DONE:
        return fflush(stdout) == 0 && !ferror(stdout) ? 0 : EXIT_OWN_FAILURE;
    case OPTIONS_WRONG:
        return EXIT_OWN_FAILURE;
    case OPTIONS_RUN:
        break;
    }
    if (options.compare)
        return compare(&options);
    if (!options.show && !options.pid &&
        !prepare(&options, &launch, path, shim, &by_ptrace, &status))
        return status;
    if (!options.show && by_ptrace && !front_fork(&front, options.pid, &status, &own))
        return own >= 0 ? own : end_like(status);
    struct symbols *symbols = symbols_new(!options.views[VIEW_JSON].wanted);
    model_init(&model, symbols);
    setup_progress(&model, &options);
    if (!setup_views(&model, &options) || !setup_demands(&model, &options, &failed_demands))
        return EXIT_OWN_FAILURE;
    if (options.show)
        signal(SIGPIPE, SIG_IGN);
    status = options.show ? show(&options, &model)
             : by_ptrace  ? run_ptrace(&options, &model, &launch, &front)
                          : run(&options, &model, &launch);
    symbols_free(symbols);
    return status;
}
