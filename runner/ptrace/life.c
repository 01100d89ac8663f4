/* Threads and processes under ptrace: how they begin, become other programs, and end. */
#include "runner/ptrace/process_record.h"
#include "runner/ptrace/source.h"
#include <errno.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_recorded(const struct process *p)
{
    return p->recorded && p->space->image && !p->borrowed;
}

void ptrace_begin_image(struct ptrace_source *s, struct thread *thread, enum pmt_origin origin)
{
    struct process *p = thread->process;
    if (images_begin(s->recorder, thread, origin) == 0)
        s->recorded++;
    else
        p->recorded = false; /* killed meanwhile, or its files are not for us to read */
}

void ptrace_stop_recording(struct ptrace_source *s)
{
    for (struct process *p = s->tracees.processes; p; p = p->next) {
        if (is_recorded(p)) {
            recorder_exit(s->recorder, p, PMT_END_DETACHED, 0);
            s->recorded--;
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
static void give_space(struct process *child, const struct thread *creator)
{
    const struct process *parent = creator->process;
    struct space *space = parent->space;
    child->borrowed = share_memory(child->pid, parent->pid);
    if (!child->borrowed) {
        space = space_new();
        space->brk = parent->space->brk;
        space->word_size = parent->space->word_size;
        space->breakpoints = parent->space->breakpoints;
    }
    space_use(child, space);
}

void ptrace_birth(struct ptrace_source *s, struct thread *creator, int event)
{
    unsigned long message = 0;
    ptrace_ask(PTRACE_GETEVENTMSG, creator->tid, 0, (uintptr_t)&message);
    pid_t tid = (pid_t)message;
    struct process *parent = creator->process;
    struct thread *thread = tracees_find(&s->tracees, tid);
    if (!thread)
        thread = tracees_add(&s->tracees, tid);
    thread->creator = creator->tid;
    if (images_status(tid, "Tgid") == parent->pid) {
        tracees_join(thread, parent);
    } else {
        struct process *child = tracees_add_process(&s->tracees, tid, parent->pid);
        child->recorded = parent->recorded && s->follow;
        give_space(child, creator);
        thread->allocator = creator->allocator; /* what was in progress is so in the copy */
        memcpy(thread->outer, creator->outer, sizeof thread->outer);
        tracees_join(thread, child);
        if (child->recorded && parent->space->image)
            child->fork_id = recorder_fork(s->recorder, creator, call_of(event), 0);
    }
    if (thread->stopped)
        ptrace_welcome(s, thread);
    ptrace_go(s, creator, 0);
}

/* Without a filter nothing keeps a child from being let go at once. */
static bool may_go(const struct ptrace_source *s, const struct process *p)
{
    return !s->filtered && !p->recorded && !p->borrowed;
}

void ptrace_welcome(struct ptrace_source *s, struct thread *thread)
{
    struct process *p = thread->process;
    struct user_regs_struct regs = {0};
    thread->welcome = true;
    if (thread->tid != p->pid && is_recorded(p)) {
        ptrace_ask(PTRACE_GETREGS, thread->tid, 0, (uintptr_t)&regs);
        recorder_thread(s->recorder, thread, PMT_THREAD_START, regs.rsp);
    } else if (thread->tid == p->pid && p->recorded && !p->borrowed) {
        ptrace_begin_image(s, thread, PMT_ORIGIN_FORK);
    } else if (thread->tid == p->pid && !p->borrowed) {
        ptrace_clean_child(p->space, thread);
        p->space->breakpoints.count = 0;
        thread->allocator.call = PMT_CALL_NONE;
    }
    if (may_go(s, p)) {
        ptrace_ask(PTRACE_DETACH, thread->tid, 0, 0);
        ptrace_ended(s, thread, 0);
    } else {
        ptrace_go(s, thread, 0);
    }
}

struct gone {
    struct ptrace_source *source;
    const struct process *process;
};

static void remove_thread(void *arg, struct thread *thread)
{
    struct gone *gone = arg;
    if (thread->process == gone->process)
        tracees_remove(&gone->source->tracees, thread);
}

static void remove_threads(struct ptrace_source *s, struct process *p)
{
    tracees_each(&s->tracees, remove_thread, &(struct gone){s, p});
}

/* The thread that called execve(2) is the process's only one from now on, and has its id. */
void ptrace_exec(struct ptrace_source *s, pid_t pid)
{
    struct process *p = tracees_process(&s->tracees, pid);
    if (!p)
        return;
    remove_threads(s, p);
    struct thread *thread = tracees_add(&s->tracees, pid);
    tracees_join(thread, p);
    thread->welcome = thread->stopped = true;
    if (p->awaited)
        ptrace_read_report(s);
    bool first = p->awaited;
    p->awaited = false;
    struct space *before = p->space;
    if (is_recorded(p)) {
        recorder_exit(s->recorder, p, PMT_END_EXEC, 0);
        s->recorded--;
    }
    bool shared = before->processes > 1;
    space_use(p, space_new());
    p->borrowed = false;
    if (shared)
        ptrace_let_next(s, before, NULL);
    if (p->recorded)
        ptrace_begin_image(s, thread, first ? PMT_ORIGIN_START : PMT_ORIGIN_EXEC);
    if (may_go(s, p)) {
        ptrace_ask(PTRACE_DETACH, thread->tid, 0, 0);
        ptrace_ended(s, thread, 0);
    } else {
        ptrace_go(s, thread, 0);
    }
}

void ptrace_leaving(struct ptrace_source *s, struct thread *thread)
{
    struct process *p = thread->process;
    struct space *space = p->space;
    if (!thread->leaving)
        p->threads--;
    thread->leaving = true;
    thread->in_call = false;
    if (is_recorded(p) && thread->tid != p->pid && thread->welcome) /* else it never ran */
        recorder_thread(s->recorder, thread, PMT_THREAD_END, 0);
    if (is_recorded(p) && p->threads == 0)
        looks_whole(s->recorder, thread, PMT_REASON_EXIT, 0);
    ptrace_go(s, thread, 0);
    ptrace_let_next(s, space, thread);
}

static void process_ended(struct ptrace_source *s, struct process *p, int status)
{
    if (is_recorded(p)) {
        recorder_exit(s->recorder, p, PMT_END_EXIT, status);
        s->recorded--;
    }
    if (p->pid == s->first && !s->ended) {
        s->ended = true;
        s->status = status;
    }
    remove_threads(s, p);
    struct space *space = p->space;
    bool shared = space->processes > 1;
    if (shared)
        ptrace_let_next(s, space, NULL);
    tracees_remove_process(&s->tracees, p);
}

void ptrace_ended(struct ptrace_source *s, struct thread *thread, int status)
{
    struct process *p = thread->process;
    if (p && p->pid == thread->tid)
        return process_ended(s, p, status);
    struct space *space = p ? p->space : NULL;
    tracees_remove(&s->tracees, thread);
    if (space)
        ptrace_let_next(s, space, NULL);
}
