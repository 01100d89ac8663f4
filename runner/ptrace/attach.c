#include "runner/ptrace/attach.h"
#include "runner/ptrace/life.h"
#include "runner/ptrace/proc.h"
#include "runner/ptrace/stops.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

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
    if (error)
        return (int)error;
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
        if (error) /* those that we have are released by our end */
            return error;
        gather(t);
    }
    struct tracee *thread = tracees_find(&t->tracees, t->first);
    if (!thread)
        return -ESRCH;
    life_begin_image(t, thread, PMT_ORIGIN_START);
    tracees_each(&t->tracees, let_on, t);
    return 0;
}
