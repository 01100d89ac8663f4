/* What happens to a system call that the entry (entry_*.S) does not simply pass on. */
#include "shim/kernel/kernel.h"
#include "schemas/mapcalls.h"
#include "shim/base/own_map.h"
#include "shim/base/own_stack.h"
#include "shim/base/sys.h"
#include "shim/kernel/caller.h"
#include "shim/kernel/dispositions.h"
#include "shim/kernel/exec.h"
#include "shim/kernel/forbids.h"
#include "shim/kernel/fork.h"
#include "shim/kernel/threads.h"
#include "shim/looks/attention.h"
#include "shim/looks/snapshot.h"
#include "shim/ring/emit.h"
#include "shim/ring/output.h"
#include "shim/stacks/stack_id.h"
#include "shim/stacks/unwind.h"
#include <string.h>
#include <sys/mman.h>

void (*kernel_code_mapped)(const void *code, size_t size);

static void decode(const struct sys_regs *regs, struct mapcalls_call *c)
{
    for (int i = 0; i < 6; i++)
        c->args[i] = regs->args[i];
    mapcalls_decode(c, sizeof(long) == 4 ? MAPCALLS_I386 : MAPCALLS_X86_64, regs->nr);
    if (c->arguments_at)
        mapcalls_old_mmap(c, (const uint32_t *)(uintptr_t)c->arguments_at);
}

/* Out of line, so that the call is decoded anew on an own stack rather than kept on the
 * program's. */
static __attribute__((noinline)) bool is_of_interest(const struct sys_regs *regs)
{
    struct mapcalls_call c;
    decode(regs, &c);
    return c.call != PMT_CALL_NONE;
}

static bool is_error(long result)
{
    return (unsigned long)result >= (unsigned long)-4095L;
}

static void send(const struct mapcalls_call *c, int64_t result, uint64_t old_brk, uint32_t stack_id)
{
    struct pmt_within within;
    state_within(&within);
    struct emit e = emit_begin((uint32_t)sizeof(struct pmt_kernel) + pmt_align(within.name_size));
    struct pmt_kernel *k = e.record;
    if (!k)
        return;
    emit_header(&e, PMT_RECORD_KERNEL, (uint8_t)c->call, stack_id, ticks_now());
    memcpy(k->args, c->args, sizeof k->args);
    k->result = result;
    k->old_brk = old_brk;
    k->within = within;
    memcpy(k + 1, thread.name, within.name_size);
    emit_end(&e);
}

/* The end of the region that contains `address`; `address` if there is none. */
static uint64_t region_end(uint64_t address)
{
    uint64_t low, high;
    return own_map_find(address, &low, &high) ? high : address;
}

static void look(const struct mapcalls_call *c, const struct mapcalls_outcome *outcome,
                 uint32_t stack_id)
{
    struct mapcalls_range ranges[2];
    unsigned count = mapcalls_ranges(c, outcome, ranges);
    if (mapcalls_may_unmap(c, outcome))
        for (unsigned i = 0; i < count; i++)
            unwind_unmapped((uintptr_t)ranges[i].lo, (uintptr_t)ranges[i].hi);
    if (count)
        snapshot_ranges(ranges, count, stack_id);
    else if (mapcalls_may_be_anywhere(c, outcome))
        snapshot_whole(PMT_REASON_KERNEL, stack_id);
}

struct change {
    const struct sys_regs *regs;
    uint32_t stack_id;
    long result;
};

/* ld.so has mapped code: there may be tables now for what had none. */
static bool is_library(const struct mapcalls_call *c)
{
    return thread.by_loader && c->effect == MAPCALLS_RESULT && c->args[2] & PROT_EXEC;
}

static void make(void *arg)
{
    struct change *change = arg;
    struct mapcalls_call decoded, *c = &decoded;
    decode(change->regs, c);
    struct mapcalls_outcome outcome = {.page_size = live->page_size};
    if (c->effect == MAPCALLS_BRK)
        outcome.old_brk = (unsigned long)sys1(__NR_brk, 0);
    if (c->effect == MAPCALLS_DETACH)
        outcome.region_end = own_map_segment_end(c->args[0]);
    long result = change->result = sys_call_regs(change->regs);
    bool failed = outcome.failed = c->effect != MAPCALLS_BRK && is_error(result);
    outcome.result = (unsigned long)result;
    if (!failed && c->result_at)
        outcome.result = *(const uint32_t *)(uintptr_t)c->result_at;
    if (!failed && c->effect == MAPCALLS_ATTACH)
        outcome.region_end = region_end(outcome.result);
    send(c, failed ? result : (int64_t)outcome.result, outcome.old_brk, change->stack_id);
    look(c, &outcome, change->stack_id);
    if (!failed && is_library(c)) {
        unwind_look_again();
        if (kernel_code_mapped)
            kernel_code_mapped((const void *)result, (size_t)c->args[1]);
    }
}

/* Whoever called ld.so; as far as ld.so's own frames where that is not known. */
static uint32_t stack_of_loader(uintptr_t caller)
{
    const struct call *call = state_call_of_loader();
    if (!call)
        return stack_id_here(caller);
    return call->stack_id ? call->stack_id : stack_id_of_change();
}

/* The call, its record and its snapshot, with map_lock held: so the order of the records is the
 * order in the kernel. After state_enter(), and leaves. */
static __attribute__((noinline)) long record(const struct sys_regs *regs)
{
    uintptr_t caller = caller_of(regs);
    struct change change = {.regs = regs};
    uint64_t mask;
    sys_block_signals(&mask);
    thread.by_loader = process.sees_loader && state_loader_owns(caller);
    change.stack_id = thread.by_loader ? stack_of_loader(caller) : stack_id_of_change();
    bool locked = lock_take(&map_lock);
    if (locked) {
        own_stack_run_locked(make, &change);
        lock_release(&map_lock);
    } else {
        change.result = sys_call_regs(regs);
    }
    thread.by_loader = false;
    sys_restore_signals(&mask);
    state_leave();
    return change.result;
}

static void send_exec(const char *path, int error)
{
    size_t size = sys_can_read(path) ? strnlen(path, PMT_PATH_MAX) : 0;
    struct emit e = emit_begin((uint32_t)sizeof(struct pmt_exec) + pmt_align((uint32_t)size));
    struct pmt_exec *x = e.record;
    if (!x)
        return;
    emit_header(&e, PMT_RECORD_EXEC, 0, 0, ticks_now());
    x->error = error;
    x->path_size = (uint32_t)size;
    memcpy(x + 1, path, size);
    emit_end(&e);
}

/* The signal mask is inherited by the new program, so it is put back before. */
static long execute(const struct sys_regs *regs, const uint64_t *mask)
{
    const char *path = (const char *)regs->args[regs->nr == __NR_execve ? 0 : 1];
    attention_last_look(PMT_REASON_EXEC, stack_id_of_change());
    send_exec(path, 0);
    if (live->sink == SINK_OUTPUT)
        output_close();
    sys_restore_signals(mask);
    long result = live->sink == SINK_OUTPUT ? sys_call_regs(regs) : exec_traced(regs);
    send_exec(path, (int)-result);
    return result;
}

static long leave(const struct sys_regs *regs)
{
    attention_last_look(PMT_REASON_EXIT, stack_id_of_change());
    struct emit e = emit_begin(sizeof(struct pmt_exit));
    struct pmt_exit *x = e.record;
    if (x) {
        emit_header(&e, PMT_RECORD_EXIT, 0, 0, ticks_now());
        memset((char *)x + sizeof x->r, 0, sizeof *x - sizeof x->r);
        x->status = (int32_t)regs->args[0];
        x->end = PMT_END_EXIT;
        emit_end(&e);
    }
    if (live->sink == SINK_OUTPUT)
        output_close();
    return sys_call_regs(regs);
}

/* The child that has forbidden itself what a look at the map needs; 0: none has. */
static uint32_t silent_child;

static __attribute__((noinline)) bool is_silent_child(void)
{
    return silent_child && silent_child == (uint32_t)sys0(__NR_getpid);
}

/* It shares the parent's memory until it executes a program (vfork, posix_spawn): how it changes
 * the map is recorded as the parent's doing, its life is not. */
static __attribute__((noinline)) long of_vfork_child(const struct sys_regs *regs,
                                                     enum pmt_forbidden forbidden)
{
    if (forbidden != PMT_FORBIDDEN_NONE)
        silent_child = (uint32_t)sys0(__NR_getpid);
    bool executes = regs->nr == __NR_execve || regs->nr == __NR_execveat;
    return executes && process.follow ? exec_traced(regs) : sys_call_regs(regs);
}

/* The calls that make or end a process or a thread; false: it is none of them. */
static bool is_of_life(const struct sys_regs *regs)
{
    switch (regs->nr) {
    case __NR_execve:
    case __NR_execveat:
    case __NR_exit_group:
    case __NR_exit:
    case __NR_fork:
    case __NR_clone:
        return true;
    }
    return false;
}

/* On the program's stack, as it may not come back, or come back twice. */
static __attribute__((noinline)) long of_life(const struct sys_regs *regs)
{
    uint64_t mask;
    long result;
    sys_block_signals(&mask);
    if (regs->nr == __NR_execve || regs->nr == __NR_execveat)
        result = execute(regs, &mask);
    else if (regs->nr == __NR_exit_group)
        result = leave(regs);
    else if (regs->nr == __NR_exit)
        result = (threads_exit(), sys_call_regs(regs));
    else if ((result = process.follow ? fork_traced(regs) : sys_call_regs(regs)) == 0)
        dispositions_forked();
    sys_restore_signals(&mask);
    return result;
}

/* Out of line, as is_of_interest(). */
static __attribute__((noinline)) bool is_own_process(void)
{
    return (uint32_t)sys0(__NR_getpid) == live->pid;
}

long kernel_call(const struct sys_regs *regs)
{
    if (dispositions_concern(regs->nr))
        return dispositions_call(regs);
    if (thread.busy || (live->sink == SINK_NONE && !fork_found_out()) || !state_enter())
        return sys_call_regs(regs);
    bool own = is_own_process(), life = is_of_life(regs);
    enum pmt_forbidden forbidden = forbids_what(regs);
    bool recorded = !life && !forbidden && is_of_interest(regs) && (own || !is_silent_child());
    if (own && (life || recorded) && (live->attention || thread.loader_ran) && !state_in_loader())
        attention_pay(thread.call.caller);
    if (recorded)
        return record(regs);
    state_leave(); /* what follows may not come back */
    if (!own)
        return of_vfork_child(regs, forbidden);
    if (forbidden)
        return forbids_call(regs, forbidden);
    return life ? of_life(regs) : sys_call_regs(regs);
}
