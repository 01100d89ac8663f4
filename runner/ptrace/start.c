#include "runner/ptrace/start.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child says of itself. */
struct start_report {
    enum { REPORT_FILTER, REPORT_EXEC } about;
    int error;
};

/* Privileged users need not give up privileges for it: then setuid programs work as ever. */
static int install_filter(void)
{
    struct sock_filter code[SYSCALLS_FILTER_MAX];
    struct sock_fprog program = {.len = syscalls_filter(code), .filter = code};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
        return 0;
    if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? 0 : -errno;
}

static void say(int report, int about, int error)
{
    struct start_report r = {.about = about, .error = error};
    if (write(report, &r, sizeof r) < 0)
        _exit(126);
}

static void become(const struct launch *launch, int seized, int report)
{
    char byte;
    char **envp = launch_become(launch);
    if (read(seized, &byte, 1) != 1)
        _exit(126);
    say(report, REPORT_FILTER, install_filter());
    execve(launch->path, launch->argv, envp);
    say(report, REPORT_EXEC, -errno);
    _exit(126);
}

static int seize(struct ptracer *t, pid_t pid, int seized)
{
    int error = (int)ptracer_ask(PTRACE_SEIZE, pid, 0, t->options);
    if (!error && write(seized, "", 1) != 1)
        error = -errno;
    if (error) {
        ptracer_refused(t, pid);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return error;
    }
    struct tracee *thread = tracees_add(&t->tracees, pid);
    struct process *process = tracees_add_process(&t->tracees, pid, getpid());
    process->awaited = process->recorded = true;
    tracees_use_space(process, tracees_new_space());
    tracees_join(thread, process);
    thread->welcome = true;
    t->first = pid;
    return 0;
}

int start_program(struct ptracer *t, const struct launch *launch)
{
    int report[2], seized[2];
    if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    if (pipe2(seized, O_CLOEXEC) < 0)
        return -errno;
    fflush(NULL);
    pid_t pid = fork();
    int error = pid < 0 ? -errno : 0;
    if (pid == 0) {
        close(seized[1]);
        become(launch, seized[0], report[1]);
    }
    if (!error)
        error = seize(t, pid, seized[1]);
    close(report[1]);
    close(seized[0]);
    close(seized[1]);
    t->report = report[0];
    return error;
}

void start_read_report(struct ptracer *t)
{
    struct start_report r;
    while (t->report >= 0 && read(t->report, &r, sizeof r) == sizeof r) {
        if (r.about == REPORT_FILTER)
            t->filtered = r.error == 0;
        else
            t->exec_error = r.error;
    }
}
