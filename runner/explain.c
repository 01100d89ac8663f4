#include "runner/explain.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/explain_target.h"
#include "runner/hint.h"
#include "runner/ptrace/proc.h"
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct progress *shown;

void explain_over(struct progress *progress)
{
    shown = progress;
}

void explain(const char *name, const char *format, ...)
{
    va_list list;
    char *text = NULL;
    va_start(list, format);
    int length = vasprintf(&text, format, list);
    va_end(list);
    if (shown)
        progress_erase(shown);
    fputs(_("procmap-trace: "), stderr);
    if (name) {
        text_escape(stderr, name, strlen(name), 0);
        fputs(": ", stderr);
    }
    if (length >= 0) /* names in files are foreign input */
        text_escape(stderr, text, (size_t)length, 0);
    fputc('\n', stderr);
    free(text);
}

void explain_no_program(const struct options *o, int error)
{
    char hint[2 * PATH_MAX];
    hint_program(o, hint, sizeof hint);
    explain(o->arguments[0], "%s%s%s", error == -ENOENT ? _("no such program") : strerror(-error),
            hint[0] ? "; " : "", hint);
}

void explain_unfit(const char *name, const struct target *target)
{
    char text[2 * PATH_MAX];
    if (target->format != TARGET_FORMAT_OTHER || !hint_file(name, text, sizeof text))
        explain_target(target, text, sizeof text);
    explain(name, "%s", text);
}

void explain_no_trace(const char *path, const char *why)
{
    char hint[2 * PATH_MAX];
    hint_trace(path, hint, sizeof hint);
    explain(hint[0] ? path : NULL, "%s", hint[0] ? hint : why);
}

void explain_shim(const char *shim, int error)
{
    if (error == -EINVAL)
        explain(shim,
                _("a path with a blank, a colon or a dollar sign cannot be preloaded; install "
                  "procmap-trace elsewhere"));
    else
        explain(shim, _("the shim is missing: %s; is procmap-trace installed completely?"),
                strerror(-error));
}

void explain_output(int error)
{
    if (error)
        explain(NULL, _("cannot write the output: %s; the program was not disturbed"),
                strerror(-error));
}

void explain_waiting(size_t count, pid_t pid)
{
    if (count == 0)
        explain(NULL,
                _("the program has ended; waiting for a child of it that has not called the C "
                  "library yet (Ctrl-C ends the tracing)"));
    else if (count == 1)
        explain(NULL,
                _("the program has ended; still tracing process %d (Ctrl-C ends the tracing)"),
                pid);
    else
        explain(NULL,
                _("the program has ended; still tracing %zu processes (Ctrl-C ends the tracing)"),
                count);
}

void explain_live(const char *name, const struct live_result *result)
{
    if (result->started)
        return;
    if (result->overwritten)
        explain(name, _("nothing could be traced: the program has overwritten the memory that its "
                        "events were in"));
    else if (WIFSIGNALED(result->status))
        explain(name, _("killed by SIG%s before %s"), sigabbrev_np(WTERMSIG(result->status)),
                result->loaded ? _("its first event") : _("the shim was loaded"));
    else
        explain(name, _("the program ran, but nothing was traced: %s"),
                result->loaded ? _("it ended before its first event")
                               : _("the shim was not loaded"));
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
static void explain_process(int pid, int error, pid_t other)
{
    char name[32];
    long scope = number_in("/proc/sys/kernel/yama/ptrace_scope");
    snprintf(name, sizeof name, _("process %d"), pid);
    if (error == -ESRCH)
        explain(name, _("no such process"));
    else if (other > 0)
        explain(name, _("is traced by process %d already; end that first"), other);
    else if (error == -EPERM && proc_status(pid, "Uid") != (long)getuid())
        explain(name, _("belongs to another user, or has other privileges than you; try as root"));
    else if (error == -EPERM && scope > 0)
        explain(name,
                _("the system does not let you look at running processes "
                  "(/proc/sys/kernel/yama/ptrace_scope is %ld); try as root, or start the program "
                  "with procmap-trace"),
                scope);
    else
        explain(name, _("cannot be traced: %s"), strerror(-error));
}

/* ENOEXEC for a program that looks right: an x86-64 kernel can be without 32-bit programs. */
static bool is_32_bit(const char *path)
{
    struct target target;
    return inspect_program(path, &target) == 0 && target.format == TARGET_FORMAT_ELF &&
           target.elf.machine == EM_386;
}

void explain_exec(const char *name, const char *path, int error)
{
    if (error == -ENOEXEC && is_32_bit(path))
        explain(name, _("a 32-bit program, and this kernel runs none: it is built without "
                        "CONFIG_IA32_EMULATION, or has it switched off (ia32_emulation=on at the "
                        "kernel's command line switches it on); or compile it without -m32"));
    else
        explain(name, _("cannot be executed: %s"), strerror(-error));
}

void explain_failure(const struct options *o, int error, const struct trace_result *result)
{
    const enum trace_failure failure = result->failure;
    if (failure == TRACE_FAILURE_REFUSED && o->pid)
        explain_process(o->pid, error, result->other);
    else if (failure == TRACE_FAILURE_REFUSED && result->other > 0)
        explain(o->arguments[0],
                _("is traced by process %d already, which traces procmap-trace and all that it "
                  "starts; a process has one tracer only"),
                result->other);
    else if (failure == TRACE_FAILURE_REFUSED && error == -EPERM)
        explain(o->arguments[0], _("the system lets nobody trace programs here (a container may "
                                   "forbid ptrace, or /proc/sys/kernel/yama/ptrace_scope is 3)"));
    else
        explain(o->pid ? NULL : o->arguments[0], _("cannot be traced: %s"), strerror(-error));
}

void explain_trace(const struct options *o, const struct trace_result *result, int written)
{
    if (result->unfiltered && !o->pid)
        explain(NULL, _("seccomp is not available: every system call of the program was stopped"));
    explain_output(written);
    if (result->unknown_moment[0])
        explain(NULL,
                "--resident: the program has no function or line \"%s\" (FUNCTION or FILE:LINE; "
                "compile with -g for lines)",
                result->unknown_moment);
    if (!result->started)
        explain(o->arguments[0], _("the program ended before it could be traced"));
}
