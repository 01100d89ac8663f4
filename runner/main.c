/* procmap-trace: wires a source of events, the model and the views together. Texts and exit
 * statuses for errors are here and in options.c only. */
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/model/model.h"
#include "runner/options.h"
#include "runner/program/target.h"
#include "runner/ptrace/front.h"
#include "runner/ptrace/proc.h"
#include "runner/ptrace/trace.h"
#include "runner/replay/replay.h"
#include "runner/ring/live.h"
#include "runner/symbols/symbols.h"
#include "runner/views/progress.h"
#include "runner/views/views.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_OWN_FAILURE 125
#define WIDTH_WITHOUT_TERMINAL 100

static struct progress progress = {.fd = -1};

static void erase_progress(void)
{
    progress_erase(&progress);
}

static void on_tick(struct model *m, bool idle)
{
    progress_tick(&progress, m, idle);
}

/* "procmap-trace: NAME: what happened" */
__attribute__((format(printf, 2, 3))) static void complain(const char *name, const char *format,
                                                           ...)
{
    va_list list;
    progress_erase(&progress);
    fputs("procmap-trace: ", stderr);
    if (name) {
        text_escape(stderr, name, strlen(name), 0);
        fputs(": ", stderr);
    }
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
}

/* A descriptor of its own on a file, or a copy of descriptor `fd` where no file is named; -1 after
 * a message. */
static int open_output(const char *file, int fd)
{
    bool named = file && strcmp(file, "-") != 0;
    if (file && !named)
        fd = STDOUT_FILENO;
    int own = named ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
                    : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0)
        complain(file ? file : "standard output", "cannot write: %s", strerror(errno));
    return own;
}

static unsigned terminal_width(int fd)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    long width = columns ? strtol(columns, NULL, 10) : 0;
    return width > 0 && width < 10000 ? (unsigned)width : WIDTH_WITHOUT_TERMINAL;
}

static bool is_dumb(void)
{
    const char *term = getenv("TERM");
    return term && strcmp(term, "dumb") == 0;
}

/* Whether a terminal is to get its colours. */
static bool is_coloured(int fd, const struct options *o)
{
    const char *no_color = getenv("NO_COLOR");
    bool terminal = isatty(fd) && !(no_color && *no_color) && !is_dumb();
    return o->color < 0 ? terminal : o->color == 1;
}

static bool add_view(struct model *m, const struct options *o, unsigned which)
{
    bool to_error = which == VIEW_TIMELINE && !o->show;
    int fd = open_output(o->views[which].file, to_error ? STDERR_FILENO : STDOUT_FILENO);
    if (fd < 0)
        return false;
    bool on_terminal = progress.fd >= 0 && isatty(fd);
    struct output output = {.fd = fd,
                            .color = is_coloured(fd, o),
                            .width = terminal_width(fd),
                            .all = o->all,
                            .before_write = on_terminal ? erase_progress : NULL};
    struct view *view = views_new(which, &output);
    if (view)
        model_add_view(m, view);
    return view != NULL;
}

static bool is_json_on_stdout(const struct options *o)
{
    const struct options_view *json = &o->views[VIEW_JSON];
    return json->wanted && (!json->file || strcmp(json->file, "-") == 0);
}

/* Who reads the events from standard output may print, too. */
static void start_progress(struct model *m, const struct options *o)
{
    if (o->show || o->quiet || is_json_on_stdout(o) || is_dumb() || !isatty(STDERR_FILENO))
        return;
    progress_start(&progress, STDERR_FILENO, is_coloured(STDERR_FILENO, o));
    m->tick = on_tick;
}

static bool add_views(struct model *m, const struct options *o)
{
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        bool usual = i == VIEW_TIMELINE && !o->quiet && !is_json_on_stdout(o);
        if ((o->views[i].wanted || usual) && !add_view(m, o, i))
            return false;
    }
    return true;
}

static int show(const struct options *o, struct model *m)
{
    char why[512];
    struct event event;
    struct replay *replay = replay_open(o->arguments[0], why, sizeof why);
    if (!replay) {
        complain(NULL, "%s", why);
        model_close(m);
        return EXIT_OWN_FAILURE;
    }
    int result;
    while ((result = replay_next(replay, &event)) > 0)
        model_event(m, &event);
    int error = model_close(m);
    if (result < 0)
        complain(NULL, "%s", replay_error(replay));
    if (error)
        complain(NULL, "cannot write the output: %s", strerror(-error));
    replay_close(replay);
    return result < 0 || error ? EXIT_OWN_FAILURE : 0;
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
    if (o->backend != BACKEND_AUTO)
        return o->backend == BACKEND_PTRACE;
    switch (target_obstacle(target)) {
    case TARGET_STATIC:
    case TARGET_X32:
    case TARGET_OTHER_LIBC:
        return true;
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
    char why[512];
    const char *name = o->arguments[0];
    int error = target_find(name, path);
    if (!error)
        error = target_inspect(path, &target);
    if (error) {
        complain(name, "%s", error == -ENOENT ? "no such program" : strerror(-error));
        *status = target_exit_status(error);
        return false;
    }
    *launch = (struct launch){.path = path, .argv = o->arguments, .no_aslr = o->no_aslr};
    *by_ptrace = wants_ptrace(o, &target);
    if (*by_ptrace)
        return true;
    error = target_check(&target, why, sizeof why);
    if (error) {
        complain(name, "%s", why);
        *status = target_exit_status(error);
        return false;
    }
    error = launch_find_shim(shim, PATH_MAX);
    if (error == -EINVAL)
        complain(shim, "a path with a blank, a colon or a dollar sign cannot be preloaded; install "
                       "procmap-trace elsewhere");
    else if (error)
        complain(shim, "the shim is missing: %s; is procmap-trace installed completely?",
                 strerror(-error));
    launch->shim = shim;
    launch->follow = o->follow;
    *status = EXIT_OWN_FAILURE;
    return error == 0;
}

static uint32_t stack_flags(const struct options *o)
{
    static const uint32_t flags[] = {[STACKS_ALL] = 0,
                                     [STACKS_CHANGES] = PMT_RING_CHANGE_STACKS,
                                     [STACKS_NONE] = PMT_RING_NO_STACKS};
    return flags[o->stacks] | (o->verify_stacks ? PMT_RING_VERIFY_STACKS : 0);
}

static void tell_waiting(size_t count, pid_t pid)
{
    if (count == 0)
        complain(NULL, "the program has ended; waiting for a child of it that has not called the C "
                       "library yet (Ctrl-C ends the tracing)");
    else if (count == 1)
        complain(NULL, "the program has ended; still tracing process %d (Ctrl-C ends the tracing)",
                 pid);
    else
        complain(NULL,
                 "the program has ended; still tracing %zu processes (Ctrl-C ends the tracing)",
                 count);
}

static int run(const struct options *o, struct model *m, struct launch *launch)
{
    struct live_result result = {0};
    bool executing;
    launch->stdout_to_stderr = is_json_on_stdout(o);
    launch->stacks = stack_flags(o);
    launch->stack_depth = (uint8_t)o->stack_depth;
    int error = live_trace(launch, m, tell_waiting, &result, &executing);
    progress_erase(&progress);
    int written = model_close(m);
    if (error) {
        complain(o->arguments[0], "%s: %s", executing ? "cannot be executed" : "cannot be started",
                 strerror(-error));
        return executing ? target_exit_status(error) : EXIT_OWN_FAILURE;
    }
    if (written)
        complain(NULL, "cannot write the output: %s; the program was not disturbed",
                 strerror(-written));
    if (result.loaded && !result.started)
        complain(o->arguments[0],
                 "nothing could be traced: the program has overwritten the memory that "
                 "its events were in");
    else if (!result.loaded && WIFSIGNALED(result.status))
        complain(o->arguments[0], "killed by SIG%s before the shim was loaded",
                 sigabbrev_np(WTERMSIG(result.status)));
    else if (!result.loaded)
        complain(o->arguments[0],
                 "the program ran, but nothing was traced: the shim was not loaded");
    return written || !result.started ? EXIT_OWN_FAILURE : end_like(result.status);
}

static long number_in(const char *path)
{
    long number = -1;
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%ld", &number) != 1)
        number = -1;
    if (file)
        fclose(file);
    return number;
}

/* The kernel lets us not trace a running process. */
static void explain_refusal(int pid, int error)
{
    char name[32];
    long tracer = proc_status(pid, "TracerPid");
    long scope = number_in("/proc/sys/kernel/yama/ptrace_scope");
    snprintf(name, sizeof name, "process %d", pid);
    if (error == -ESRCH)
        complain(name, "no such process");
    else if (tracer > 0)
        complain(name, "is traced by process %ld already; end that first", tracer);
    else if (error == -EPERM && proc_status(pid, "Uid") != (long)getuid())
        complain(name, "belongs to another user, or has other privileges than you; try as root");
    else if (error == -EPERM && scope > 0)
        complain(name,
                 "the system does not let you look at running processes "
                 "(/proc/sys/kernel/yama/ptrace_scope is %ld); try as root, or start the program "
                 "with procmap-trace",
                 scope);
    else
        complain(name, "cannot be traced: %s", strerror(-error));
}

static int explain_failure(const struct options *o, int error, enum trace_failure failure)
{
    if (failure == TRACE_FAILURE_EXEC) {
        complain(o->arguments[0], "cannot be executed: %s", strerror(-error));
        return target_exit_status(error);
    }
    if (failure == TRACE_FAILURE_REFUSED && o->pid)
        explain_refusal(o->pid, error);
    else if (failure == TRACE_FAILURE_REFUSED && error == -EPERM)
        complain(o->arguments[0], "the system lets nobody trace programs here (a container may "
                                  "forbid ptrace, or /proc/sys/kernel/yama/ptrace_scope is 3)");
    else
        complain(o->pid ? NULL : o->arguments[0], "cannot be traced: %s", strerror(-error));
    return EXIT_OWN_FAILURE;
}

/* Returns the exit status, or -1 where it is the program's. */
static int explain_trace(const struct options *o, const struct trace_result *result, int written)
{
    if (result->unfiltered && !o->pid)
        complain(NULL, "seccomp is not available: every system call of the program was stopped");
    if (written)
        complain(NULL, "cannot write the output: %s; the program was not disturbed",
                 strerror(-written));
    if (!result->started)
        complain(o->arguments[0], "the program ended before it could be traced");
    return written || !result->started ? EXIT_OWN_FAILURE : o->pid ? 0 : -1;
}

static int run_ptrace(const struct options *o, struct model *m, struct launch *launch,
                      struct front *front)
{
    struct trace_request request = {.launch = o->pid ? NULL : launch, .follow = o->follow};
    struct trace_result result;
    struct ptracer *tracer;
    int own;
    request.pid = o->pid;
    request.waiting = tell_waiting;
    launch->stdout_to_stderr = is_json_on_stdout(o);
    request.change_frames = o->stacks == STACKS_NONE ? 1 : o->stack_depth;
    request.call_frames = o->stacks == STACKS_ALL ? o->stack_depth : 1;
    int error = trace_program(&request, m, &result, &tracer);
    progress_erase(&progress);
    int written = model_close(m);
    own = error ? explain_failure(o, error, result.failure) : explain_trace(o, &result, written);
    front_end(front, result.status, own);
    trace_release(tracer);
    return own >= 0 ? own : end_like(result.status);
}

/* libdw ends the process when it gets no memory: better a trace without names. */
static bool memory_is_short(void)
{
    struct rlimit space, data;
    const rlim_t enough = 512u << 20;
    return getrlimit(RLIMIT_AS, &space) != 0 || getrlimit(RLIMIT_DATA, &data) != 0 ||
           space.rlim_cur < enough || data.rlim_cur < enough;
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
    if (!options.show && !options.pid &&
        !prepare(&options, &launch, path, shim, &by_ptrace, &status))
        return status;
    if (!options.show && by_ptrace && !options.pid && !front_fork(&front, &status, &own))
        return own >= 0 ? own : end_like(status);
    struct symbols *symbols =
        memory_is_short() ? NULL : symbols_new(!options.views[VIEW_JSON].wanted);
    model_init(&model, symbols);
    start_progress(&model, &options);
    if (!add_views(&model, &options))
        return EXIT_OWN_FAILURE;
    if (options.show)
        signal(SIGPIPE, SIG_IGN);
    status = options.show ? show(&options, &model)
             : by_ptrace  ? run_ptrace(&options, &model, &launch, &front)
                          : run(&options, &model, &launch);
    symbols_free(symbols);
    return status;
}
