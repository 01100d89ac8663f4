#include "runner/ptrace/traps.h"
#include "runner/ptrace/allocator.h"
#include "runner/ptrace/moments.h"
#include "runner/ptrace/sigtrap.h"
#include "runner/ptrace/step.h"
#include "runner/ptrace/where.h"

/* The point that the thread has met, and its registers. */
static const struct point *point_met(const struct ptracer *t, struct tracee *thread,
                                     struct user_regs_struct *regs)
{
    if (!traps_are_in(t, thread->process->space) || !t->points.count ||
        ptracer_ask(PTRACE_GETREGS, thread->tid, 0, (uintptr_t)regs) < 0)
        return NULL;
    const struct point *p = points_find(&t->points, regs->rip - 1);
    return p && sigtrap_is_breakpoint(thread) ? p : NULL;
}

static bool at_point(struct ptracer *t, struct tracee *thread, int *instead)
{
    struct user_regs_struct regs;
    if (!point_met(t, thread, &regs))
        return false;
    const uint64_t address = --regs.rip;
    int signal = 0;
    where_at(t, thread, address, &regs);
    moments_at(t, thread, address, &regs);
    ptracer_ask(PTRACE_SETREGS, thread->tid, 0, (uintptr_t)&regs);
    const struct point *p = points_find(&t->points, address);
    if (p->users) {
        sigtrap_block(thread);
        signal = step_over(t, thread, address, p->code, instead);
    }
    if (signal >= 0)
        sigtrap_go_on(t, thread, signal, instead);
    return true;
}

bool traps_handle(struct ptracer *t, struct tracee *thread, int *instead)
{
    return at_point(t, thread, instead) || allocator_trapped(t, thread, instead);
}

bool traps_undo(struct ptracer *t, struct tracee *thread, bool at_signal)
{
    struct user_regs_struct regs;
    bool ours = at_signal && point_met(t, thread, &regs);
    if (ours) {
        regs.rip--;
        ptracer_ask(PTRACE_SETREGS, thread->tid, 0, (uintptr_t)&regs);
    }
    return allocator_untrap(thread, at_signal && !ours) || ours;
}

void traps_remove(const struct ptracer *t, const struct process *p)
{
    breakpoints_remove(&p->space->breakpoints, p->pid);
    if (traps_are_in(t, p->space))
        points_put_back(&t->points, p->pid);
}

bool traps_are_in(const struct ptracer *t, const struct space *space)
{
    return t->points.space == space && space;
}

void traps_clean_child(const struct ptracer *t, const struct tracee *child)
{
    points_put_back(&t->points, child->tid);
}
