#include "runner/ptrace/tracees.h"
#include "runner/base/memory.h"
#include <unistd.h>

static struct tracee **bucket(struct tracees *t, pid_t tid)
{
    return &t->threads[(unsigned)tid % TRACEES_BUCKETS];
}

struct tracee *tracees_find(struct tracees *t, pid_t tid)
{
    struct tracee *thread = *bucket(t, tid);
    while (thread && thread->tid != tid)
        thread = thread->next;
    return thread;
}

struct tracee *tracees_add(struct tracees *t, pid_t tid)
{
    struct tracee *thread = memory_get(sizeof *thread);
    thread->tid = tid;
    thread->next = *bucket(t, tid);
    *bucket(t, tid) = thread;
    t->thread_count++;
    return thread;
}

void tracees_remove(struct tracees *t, struct tracee *thread)
{
    struct tracee **at = bucket(t, thread->tid);
    while (*at != thread)
        at = &(*at)->next;
    *at = thread->next;
    if (thread->process && !thread->leaving)
        thread->process->threads--;
    if (thread->process && thread->process->space->holder == thread)
        thread->process->space->holder = NULL;
    if (thread->held)
        thread->process->space->waiting--;
    memory_put(thread);
    t->thread_count--;
}

void tracees_join(struct tracee *thread, struct process *process)
{
    thread->process = process;
    process->threads++;
}

struct process *tracees_process(struct tracees *t, pid_t pid)
{
    struct process *p = t->processes;
    while (p && p->pid != pid)
        p = p->next;
    return p;
}

struct process *tracees_add_process(struct tracees *t, pid_t pid, pid_t ppid)
{
    struct process *p = memory_get(sizeof *p);
    *p = (struct process){.pid = pid, .ppid = ppid, .next = t->processes};
    t->processes = p;
    return p;
}

struct space *tracees_new_space(void)
{
    struct space *space = memory_get(sizeof *space);
    space->maps_fd = -1;
    return space;
}

static void leave(struct space *space)
{
    if (!space || --space->processes > 0)
        return;
    if (space->maps_fd >= 0)
        close(space->maps_fd);
    table_free(&space->stacks, memory_put);
    walk_free(space->walk);
    memory_put(space);
}

void tracees_use_space(struct process *process, struct space *space)
{
    struct space *old = process->space;
    if (space)
        space->processes++;
    process->space = space;
    leave(old);
}

void tracees_remove_process(struct tracees *t, struct process *process)
{
    struct process **at = &t->processes;
    while (*at != process)
        at = &(*at)->next;
    *at = process->next;
    tracees_use_space(process, NULL);
    memory_put(process);
}

/* By their ids: a visit may remove any of them. */
void tracees_each(struct tracees *t, void (*visit)(void *arg, struct tracee *thread), void *arg)
{
    size_t count = 0;
    pid_t *tids = memory_get((t->thread_count + 1) * sizeof *tids);
    for (size_t i = 0; i < TRACEES_BUCKETS; i++)
        for (const struct tracee *thread = t->threads[i]; thread; thread = thread->next)
            tids[count++] = thread->tid;
    for (size_t i = 0; i < count; i++) {
        struct tracee *thread = tracees_find(t, tids[i]);
        if (thread)
            visit(arg, thread);
    }
    memory_put(tids);
}

void tracees_free(struct tracees *t)
{
    for (size_t i = 0; i < TRACEES_BUCKETS; i++)
        while (t->threads[i])
            tracees_remove(t, t->threads[i]);
    while (t->processes)
        tracees_remove_process(t, t->processes);
}

struct tracee *tracees_next_held(struct tracees *t, const struct space *space)
{
    struct tracee *first = NULL;
    for (size_t i = 0; i < TRACEES_BUCKETS; i++)
        for (struct tracee *thread = t->threads[i]; thread; thread = thread->next)
            if (thread->held && thread->process->space == space &&
                (!first || thread->held_since < first->held_since))
                first = thread;
    return first;
}
