/* System calls that change the map, from their entry to the look at their result. */
#include "runner/ptrace/process_record.h"
#include "runner/ptrace/source.h"
#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

uint32_t ptrace_stack(struct ptrace_source *s, struct thread *thread,
                      const struct user_regs_struct *regs, uint32_t most)
{
    struct space *space = thread->process->space;
    uint64_t ip[PMT_MAX_FRAMES];
    struct unwind_thread t = {.pid = thread->process->pid, .tid = thread->tid, .regs = *regs};
    t.is64 = space->word_size == 8;
    if (thread->allocator.call) {
        t.replaced_at = thread->allocator.sp;
        t.replaced = thread->allocator.return_to;
    }
    uint32_t frames = 1;
    ip[0] = regs->rip;
    if (most > 1 && !space->unwind)
        space->unwind = unwind_new(t.pid);
    if (most > 1)
        frames = unwind_walk(space->unwind, &t, ip, most);
    return recorder_stack(s->recorder, space, thread, ip, frames);
}

static uint32_t stack_of(struct ptrace_source *s, struct thread *thread)
{
    struct user_regs_struct regs;
    bool known = ptrace_ask(PTRACE_GETREGS, thread->tid, 0, (uintptr_t)&regs) == 0;
    return known ? ptrace_stack(s, thread, &regs, s->change_frames) : 0;
}

/* The map lock, as the shim has it. */
static bool must_wait(struct ptrace_source *s, struct thread *thread)
{
    struct space *space = thread->process->space;
    if (!space->holder || space->holder == thread)
        return false;
    thread->held = true;
    thread->held_since = recorder_now(s->recorder);
    space->waiting++;
    return true;
}

void ptrace_let_next(struct ptrace_source *s, struct space *space, struct thread *holder)
{
    if (space->holder == holder)
        space->holder = NULL;
    while (!space->holder && space->waiting) {
        struct thread *next = tracees_next_held(&s->tracees, space);
        next->held = false;
        space->waiting--;
        ptrace_call_stop(s, next);
    }
}

/* Before the new program takes the place of this one. A child of vfork has no image to end. */
static void begin_exec(struct ptrace_source *s, struct thread *thread)
{
    char path[PMT_PATH_MAX];
    thread->path_at = thread->call.args[0];
    ptrace_read_text(thread->tid, thread->path_at, path, sizeof path);
    looks_whole(s->recorder, thread, PMT_REASON_EXEC, thread->stack_id);
    recorder_exec(s->recorder, thread, path, 0);
}

static void begin(struct ptrace_source *s, struct thread *thread, const struct mapcalls_call *call)
{
    struct space *space = thread->process->space;
    uint32_t arguments[6];
    thread->call = *call;
    thread->in_call = true;
    if (call->arguments_at &&
        ptrace_read(thread->tid, call->arguments_at, arguments, sizeof arguments))
        mapcalls_old_mmap(&thread->call, arguments);
    if (!thread->call.may_block)
        space->holder = thread;
    thread->stack_id = stack_of(s, thread);
    thread->old_brk = space->brk;
    thread->detached_end = 0;
    if (call->effect == MAPCALLS_DETACH)
        thread->detached_end = looks_region_end(s->recorder, space, call->args[0]);
    if (call->effect == MAPCALLS_EXEC)
        begin_exec(s, thread);
}

static void end_exec(struct ptrace_source *s, struct thread *thread, int64_t result)
{
    char path[PMT_PATH_MAX];
    ptrace_read_text(thread->tid, thread->path_at, path, sizeof path);
    recorder_exec(s->recorder, thread, path, (int)-result);
}

static void look(struct ptrace_source *s, struct thread *thread, uint64_t value)
{
    struct space *space = thread->process->space;
    const struct mapcalls_call *call = &thread->call;
    struct mapcalls_outcome outcome = {
        .result = value, .old_brk = thread->old_brk, .page_size = space->page_size};
    outcome.region_end = thread->detached_end;
    if (call->effect == MAPCALLS_ATTACH)
        outcome.region_end = looks_region_end(s->recorder, space, value);
    struct mapcalls_range ranges[2];
    unsigned count = mapcalls_ranges(call, &outcome, ranges);
    if (count)
        looks_ranges(s->recorder, thread, ranges, count);
    else if (call->effect == MAPCALLS_ANYWHERE)
        looks_whole(s->recorder, thread, PMT_REASON_KERNEL, thread->stack_id);
}

static void end(struct ptrace_source *s, struct thread *thread,
                const struct __ptrace_syscall_info *info)
{
    struct space *space = thread->process->space;
    const struct mapcalls_call *call = &thread->call;
    int64_t result = info->exit.rval;
    bool failed = call->effect != MAPCALLS_BRK && info->exit.is_error;
    if (call->effect == MAPCALLS_EXEC)
        return end_exec(s, thread, result);
    uint64_t value = info->arch == AUDIT_ARCH_I386 ? (uint32_t)result : (uint64_t)result;
    if (!failed && call->result_at)
        value = ptrace_read_word(thread->tid, call->result_at, 4);
    if (call->effect == MAPCALLS_BRK)
        space->brk = value;
    recorder_kernel(s->recorder, thread, failed ? result : (int64_t)value);
    if (!failed)
        look(s, thread, value);
    bool is_file = call->effect == MAPCALLS_RESULT && !(call->args[3] & MAP_ANONYMOUS);
    bool is_code = is_file && (call->args[2] & PROT_EXEC);
    if (space->unwind && is_code)
        unwind_file_mapped(space->unwind);
    if (space->unwind && call->call == PMT_CALL_MUNMAP)
        unwind_unmapped(space->unwind, call->args[0], call->args[0] + call->args[1]);
    if (!failed && is_code && space->expects_libc && !space->breakpoints.count)
        images_find_allocator(s->recorder, space, thread->process->pid);
}

static void entry(struct ptrace_source *s, struct thread *thread, uint32_t arch, uint64_t nr,
                  const __uint64_t arguments[6])
{
    uint64_t args[6];
    for (int i = 0; i < 6; i++)
        args[i] = arguments[i];
    struct mapcalls_call call = syscalls_decode(arch, nr, args);
    const struct process *process = thread->process;
    bool exec_of_child = call.effect == MAPCALLS_EXEC && process->borrowed;
    if (call.effect != MAPCALLS_NOTHING && process->space->image && !exec_of_child) {
        if (must_wait(s, thread))
            return;
        begin(s, thread, &call);
    }
    ptrace_go(s, thread, 0);
}

void ptrace_call_stop(struct ptrace_source *s, struct thread *thread)
{
    struct __ptrace_syscall_info info = {0};
    struct space *space = thread->process->space;
    long got = ptrace_ask(PTRACE_GET_SYSCALL_INFO, thread->tid, sizeof info, (uintptr_t)&info);
    if (got > 0 && info.op == PTRACE_SYSCALL_INFO_SECCOMP)
        return entry(s, thread, info.arch, info.seccomp.nr, info.seccomp.args);
    if (got > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY)
        return entry(s, thread, info.arch, info.entry.nr, info.entry.args);
    bool ends = thread->in_call;
    if (ends && space->image && got > 0 && info.op == PTRACE_SYSCALL_INFO_EXIT)
        end(s, thread, &info);
    thread->in_call = false;
    ptrace_go(s, thread, 0);
    if (ends)
        ptrace_let_next(s, space, thread);
}
