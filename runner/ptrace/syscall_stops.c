#include "runner/ptrace/syscall_stops.h"
#include "runner/ptrace/allocator.h"
#include "runner/ptrace/looks.h"
#include "runner/ptrace/mem.h"
#include "runner/ptrace/sigtrap.h"
#include "runner/ptrace/untraced.h"
#include <linux/audit.h>
#include <sys/mman.h>

static uint32_t stack_of(struct ptracer *t, struct tracee *thread)
{
    struct user_regs_struct regs;
    bool known = ptracer_ask(PTRACE_GETREGS, thread->tid, 0, (uintptr_t)&regs) == 0;
    return known ? recorder_stack(t->recorder, thread, &regs, t->change_frames) : 0;
}

/* The map lock, as the shim has it. */
static bool must_wait(struct ptracer *t, struct tracee *thread)
{
    struct space *space = thread->process->space;
    if (!space->holder || space->holder == thread)
        return false;
    thread->held = true;
    thread->held_since = recorder_now(t->recorder);
    space->waiting++;
    return true;
}

void syscall_stops_let_next(struct ptracer *t, struct space *space, struct tracee *holder)
{
    if (space->holder == holder)
        space->holder = NULL;
    while (!space->holder && space->waiting) {
        struct tracee *next = tracees_next_held(&t->tracees, space);
        next->held = false;
        space->waiting--;
        syscall_stops_handle(t, next);
    }
}

/* Before the new program takes the place of this one. A child of vfork has no image to end. */
static void begin_exec(struct ptracer *t, struct tracee *thread)
{
    char path[PMT_PATH_MAX];
    thread->path_at = thread->call.args[0];
    mem_read_text(thread->tid, thread->path_at, path, sizeof path);
    looks_whole(t->recorder, thread, PMT_REASON_EXEC, thread->stack_id);
    recorder_exec(t->recorder, thread, path, 0);
}

static void begin(struct ptracer *t, struct tracee *thread, const struct mapcalls_call *call,
                  uint64_t ip)
{
    struct space *space = thread->process->space;
    uint32_t arguments[6];
    thread->call = *call;
    thread->in_call = true;
    thread->by_loader = ip - space->loader_low < space->loader_high - space->loader_low;
    if (call->arguments_at &&
        mem_read(thread->tid, call->arguments_at, arguments, sizeof arguments))
        mapcalls_old_mmap(&thread->call, arguments);
    if (!thread->call.may_block)
        space->holder = thread;
    thread->stack_id = stack_of(t, thread);
    thread->old_brk = space->brk;
    thread->detached_end = 0;
    if (call->effect == MAPCALLS_DETACH)
        thread->detached_end = looks_segment_end(t->recorder, space, call->args[0]);
    if (call->effect == MAPCALLS_EXEC)
        begin_exec(t, thread);
}

static void end_exec(struct ptracer *t, struct tracee *thread, int64_t result)
{
    char path[PMT_PATH_MAX];
    mem_read_text(thread->tid, thread->path_at, path, sizeof path);
    recorder_exec(t->recorder, thread, path, (int)-result);
}

static void look(struct ptracer *t, struct tracee *thread, uint64_t value, bool failed)
{
    struct space *space = thread->process->space;
    const struct mapcalls_call *call = &thread->call;
    struct mapcalls_outcome outcome = {.result = value,
                                       .failed = failed,
                                       .old_brk = thread->old_brk,
                                       .page_size = space->page_size};
    outcome.region_end = thread->detached_end;
    if (call->effect == MAPCALLS_ATTACH && !failed)
        outcome.region_end = looks_region_end(t->recorder, space, value);
    struct mapcalls_range ranges[2];
    unsigned count = mapcalls_ranges(call, &outcome, ranges);
    if (count)
        looks_ranges(t->recorder, thread, ranges, count);
    else if (mapcalls_may_be_anywhere(call, &outcome))
        looks_whole(t->recorder, thread, PMT_REASON_KERNEL, thread->stack_id);
}

static void end(struct ptracer *t, struct tracee *thread, const struct __ptrace_syscall_info *info)
{
    struct space *space = thread->process->space;
    const struct mapcalls_call *call = &thread->call;
    int64_t result = info->exit.rval;
    bool failed = call->effect != MAPCALLS_BRK && info->exit.is_error;
    if (call->effect == MAPCALLS_EXEC)
        return end_exec(t, thread, result);
    uint64_t value = info->arch == AUDIT_ARCH_I386 ? (uint32_t)result : (uint64_t)result;
    if (!failed && call->result_at)
        value = mem_read_word(thread->tid, call->result_at, 4);
    if (call->effect == MAPCALLS_BRK)
        space->brk = value;
    recorder_kernel(t->recorder, thread, failed ? result : (int64_t)value);
    look(t, thread, value, failed);
    bool is_file = call->effect == MAPCALLS_RESULT && !(call->args[3] & MAP_ANONYMOUS);
    bool is_code = is_file && (call->args[2] & PROT_EXEC);
    if (space->walk && is_code)
        walk_file_mapped(space->walk);
    if (space->walk && call->call == PMT_CALL_MUNMAP)
        walk_unmapped(space->walk, call->args[0], call->args[0] + call->args[1]);
    if (!failed && is_code && space->expects_libc && !space->breakpoints.count)
        allocator_find(t->recorder, space, thread->process->pid);
}

/* At a stop of the filter info->seccomp begins as info->entry does. */
static void entry(struct ptracer *t, struct tracee *thread,
                  const struct __ptrace_syscall_info *info)
{
    uint64_t args[6];
    for (int i = 0; i < 6; i++)
        args[i] = info->entry.args[i];
    struct mapcalls_call call = syscalls_decode(info->arch, info->entry.nr, args);
    untraced_take(thread, info);
    sigtrap_entry(thread, info);
    const struct process *process = thread->process;
    bool exec_of_child = call.effect == MAPCALLS_EXEC && process->borrowed;
    if (call.effect != MAPCALLS_NOTHING && process->space->image && !exec_of_child) {
        if (must_wait(t, thread))
            return;
        begin(t, thread, &call, info->instruction_pointer);
    }
    ptracer_go(t, thread, 0);
}

void syscall_stops_handle(struct ptracer *t, struct tracee *thread)
{
    struct __ptrace_syscall_info info = {0};
    struct space *space = thread->process->space;
    long got = ptracer_ask(PTRACE_GET_SYSCALL_INFO, thread->tid, sizeof info, (uintptr_t)&info);
    if (got > 0 && (info.op == PTRACE_SYSCALL_INFO_SECCOMP || info.op == PTRACE_SYSCALL_INFO_ENTRY))
        return entry(t, thread, &info);
    untraced_put_back(thread);
    sigtrap_exit(thread, &info);
    bool ends = thread->in_call;
    if (ends && space->image && got > 0 && info.op == PTRACE_SYSCALL_INFO_EXIT)
        end(t, thread, &info);
    thread->in_call = thread->by_loader = false;
    ptracer_go(t, thread, 0);
    if (ends)
        syscall_stops_let_next(t, space, thread);
}
