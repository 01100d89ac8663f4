#include "runner/ptrace/life.h"
#include "runner/ptrace/allocator.h"
#include "runner/ptrace/looks.h"
#include "runner/ptrace/moments.h"
#include "runner/ptrace/proc.h"
#include "runner/ptrace/process_record.h"
#include "runner/ptrace/sigtrap.h"
#include "runner/ptrace/start.h"
#include "runner/ptrace/syscall_stops.h"
#include "runner/ptrace/traps.h"
#include "runner/ptrace/untraced.h"
#include "runner/ptrace/where.h"
#include <linux/kcmp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_recorded(const struct process *p)
{
    return p->recorded && p->space->image && !p->borrowed;
}

int life_begin_image(struct ptracer *t, struct tracee *thread, enum pmt_origin origin)
{
    if (origin != PMT_ORIGIN_FORK)
        sigtrap_read(thread);
    int error = process_record_begin(t->recorder, thread, origin);
    t->recorded += !error;
    thread->process->recorded = !error;
    if (!error && origin == PMT_ORIGIN_START) {
        t->points.space = thread->process->space;
        where_begin(t, thread);
        moments_begin(t, thread);
    }
    return error;
}

void life_stop_recording(struct ptracer *t)
{
    for (struct process *p = t->tracees.processes; p; p = p->next) {
        if (is_recorded(p)) {
            where_end(t, p->space, tracees_find(&t->tracees, p->pid));
            recorder_exit(t->recorder, p, PMT_END_DETACHED, 0);
            t->recorded--;
            p->space->image = 0;
        }
        p->recorded = false;
    }
}

static bool share_memory(pid_t a, pid_t b)
{
    return syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0) == 0;
}

static enum pmt_call call_of(int event)
{
    return event == PTRACE_EVENT_FORK    ? PMT_CALL_FORK
           : event == PTRACE_EVENT_VFORK ? PMT_CALL_VFORK
                                         : PMT_CALL_CLONE;
}

/* A child with its own memory gets a space with all that is known of its parent's. */
static void give_space(struct process *child, const struct tracee *creator)
{
    const struct process *parent = creator->process;
    struct space *space = parent->space;
    child->borrowed = share_memory(child->pid, parent->pid);
    if (!child->borrowed) {
        space = tracees_new_space();
        space->brk = parent->space->brk;
        space->word_size = parent->space->word_size;
        space->breakpoints = parent->space->breakpoints;
    }
    tracees_use_space(child, space);
}

void life_birth(struct ptracer *t, struct tracee *creator, int event)
{
    unsigned long message = 0;
    ptracer_ask(PTRACE_GETEVENTMSG, creator->tid, 0, (uintptr_t)&message);
    pid_t tid = (pid_t)message;
    struct process *parent = creator->process;
    struct tracee *thread = tracees_find(&t->tracees, tid);
    if (!thread)
        thread = tracees_add(&t->tracees, tid);
    thread->creator = creator->tid;
    if (proc_status(tid, "Tgid") == parent->pid) {
        tracees_join(thread, parent);
    } else {
        struct process *child = tracees_add_process(&t->tracees, tid, parent->pid);
        child->recorded = parent->recorded && t->follow;
        child->sigtrap = parent->sigtrap;
        give_space(child, creator);
        child->unclean = !child->borrowed && traps_are_in(t, parent->space);
        thread->allocator = creator->allocator; /* what was in progress is so in the copy */
        memcpy(thread->outer, creator->outer, sizeof thread->outer);
        tracees_join(thread, child);
        if (child->recorded && parent->space->image)
            child->fork_id = recorder_fork(t->recorder, creator, call_of(event), 0);
    }
    thread->sigtrap.mask = creator->sigtrap.mask;
    untraced_inherit(thread, creator);
    untraced_put_back(creator); /* before the child can look at what they share */
    if (thread->stopped)
        life_welcome(t, thread);
    ptracer_go(t, creator, 0);
}

/* Without a filter nothing keeps a child from being let go at once. */
static bool may_go(const struct ptracer *t, const struct process *p)
{
    return !t->filtered && !p->recorded && !p->borrowed;
}

void life_welcome(struct ptracer *t, struct tracee *thread)
{
    struct process *p = thread->process;
    struct user_regs_struct regs = {0};
    thread->welcome = true;
    untraced_put_back(thread);
    if (p->unclean)
        traps_clean_child(t, thread);
    p->unclean = false;
    if (thread->tid != p->pid && is_recorded(p)) {
        ptracer_ask(PTRACE_GETREGS, thread->tid, 0, (uintptr_t)&regs);
        recorder_thread(t->recorder, thread, PMT_THREAD_START, regs.rsp);
    } else if (thread->tid == p->pid && p->recorded && !p->borrowed) {
        life_begin_image(t, thread, PMT_ORIGIN_FORK);
    } else if (thread->tid == p->pid && !p->borrowed) {
        allocator_clean_child(p->space, thread);
        p->space->breakpoints.count = 0;
        thread->allocator.call = PMT_CALL_NONE;
    }
    if (may_go(t, p)) {
        ptracer_ask(PTRACE_DETACH, thread->tid, 0, 0);
        life_ended(t, thread, 0);
    } else {
        ptracer_go(t, thread, 0);
    }
}

struct gone {
    struct ptracer *tracer;
    const struct process *process;
};

static void remove_thread(void *arg, struct tracee *thread)
{
    struct gone *gone = arg;
    if (thread->process == gone->process)
        tracees_remove(&gone->tracer->tracees, thread);
}

static void remove_threads(struct ptracer *t, struct process *p)
{
    tracees_each(&t->tracees, remove_thread, &(struct gone){t, p});
}

/* Nothing more will be met there. */
static void end_points(struct ptracer *t, const struct space *space)
{
    if (t->points.space == space)
        t->points.space = NULL;
}

/* The thread that called execve(2) is the process's only one from now on, and has its id. */
void life_exec(struct ptracer *t, pid_t pid)
{
    struct process *p = tracees_process(&t->tracees, pid);
    if (!p)
        return;
    remove_threads(t, p);
    struct tracee *thread = tracees_add(&t->tracees, pid);
    tracees_join(thread, p);
    thread->welcome = thread->stopped = true;
    if (p->awaited)
        start_read_report(t);
    bool first = p->awaited;
    p->awaited = false;
    struct space *before = p->space;
    if (is_recorded(p)) {
        where_end(t, p->space, NULL);
        end_points(t, p->space);
        recorder_exit(t->recorder, p, PMT_END_EXEC, 0);
        t->recorded--;
    }
    bool shared = before->processes > 1;
    tracees_use_space(p, tracees_new_space());
    p->borrowed = false;
    if (shared)
        syscall_stops_let_next(t, before, NULL);
    if (p->recorded)
        life_begin_image(t, thread, first ? PMT_ORIGIN_START : PMT_ORIGIN_EXEC);
    if (may_go(t, p)) {
        ptracer_ask(PTRACE_DETACH, thread->tid, 0, 0);
        life_ended(t, thread, 0);
    } else {
        ptracer_go(t, thread, 0);
    }
}

static void end_image(struct ptracer *t, struct tracee *thread)
{
    const struct space *space = thread->process->space;
    looks_whole(t->recorder, thread, PMT_REASON_EXIT, 0);
    where_end(t, space, thread);
    moments_end(t, space, thread);
    end_points(t, space);
}

void life_leaving(struct ptracer *t, struct tracee *thread)
{
    struct process *p = thread->process;
    struct space *space = p->space;
    if (!thread->leaving)
        p->threads--;
    thread->leaving = true;
    thread->in_call = false;
    if (is_recorded(p) && thread->tid != p->pid && thread->welcome) /* else it never ran */
        recorder_thread(t->recorder, thread, PMT_THREAD_END, 0);
    if (is_recorded(p) && p->threads == 0)
        end_image(t, thread);
    ptracer_go(t, thread, 0);
    syscall_stops_let_next(t, space, thread);
}

static void process_ended(struct ptracer *t, struct process *p, int status)
{
    if (is_recorded(p)) {
        recorder_exit(t->recorder, p, PMT_END_EXIT, status);
        t->recorded--;
    }
    if (p->pid == t->first && !t->ended) {
        t->ended = true;
        t->status = status;
    }
    remove_threads(t, p);
    struct space *space = p->space;
    bool shared = space->processes > 1;
    if (shared)
        syscall_stops_let_next(t, space, NULL);
    tracees_remove_process(&t->tracees, p);
}

void life_ended(struct ptracer *t, struct tracee *thread, int status)
{
    struct process *p = thread->process;
    if (p && p->pid == thread->tid)
        return process_ended(t, p, status);
    struct space *space = p ? p->space : NULL;
    tracees_remove(&t->tracees, thread);
    if (space)
        syscall_stops_let_next(t, space, NULL);
}
