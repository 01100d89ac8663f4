/* What happens to a system call that the entry (entry_*.S) does not simply pass on. */
#include "shim/kernel/kernel.h"
#include "shim/base/own_map.h"
#include "shim/base/sys.h"
#include "shim/kernel/exec.h"
#include "shim/kernel/fork.h"
#include "shim/kernel/threads.h"
#include "shim/looks/attention.h"
#include "shim/looks/snapshot.h"
#include "shim/ring/emit.h"
#include "shim/ring/output.h"
#include "shim/stacks/stack_id.h"
#include "shim/stacks/unwind.h"
#include <errno.h>
#include <linux/ipc.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <string.h>
#include <sys/mman.h>

/* Where a call may change the map. */
enum effect {
    EFFECT_NONE,     /* not at all */
    EFFECT_BRK,      /* between the old and the new break */
    EFFECT_RESULT,   /* length args[1] from the result */
    EFFECT_ARGS,     /* length args[1] from args[0] */
    EFFECT_BOTH,     /* mremap: args[0], args[1] and result, args[2] */
    EFFECT_ATTACH,   /* shmat: a region from the result */
    EFFECT_DETACH,   /* shmdt: a region from args[0] */
    EFFECT_ANYWHERE, /* mlockall */
};

struct change {
    enum pmt_call call; /* PMT_CALL_NONE: of no interest after all */
    enum effect effect;
    unsigned long args[6];
};

/* Advice that changes a flag of the region, for which the kernel splits and merges regions; the
 * other kinds act on pages only (mm/madvise.c). */
static enum effect madvise_effect(unsigned long advice)
{
    switch (advice) {
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_DONTFORK:
    case MADV_DOFORK:
    case MADV_MERGEABLE:
    case MADV_UNMERGEABLE:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_DONTDUMP:
    case MADV_DODUMP:
    case MADV_WIPEONFORK:
    case MADV_KEEPONFORK:
        return EFFECT_ARGS;
    }
    return EFFECT_NONE;
}

#ifdef __i386__
/* The old mmap: its arguments lie in memory (arch/x86/kernel/sys_ia32.c). */
static struct change old_mmap(const struct sys_regs *regs)
{
    struct change c = {PMT_CALL_MMAP, EFFECT_RESULT, {0}};
    memcpy(c.args, (const void *)regs->args[0], sizeof c.args);
    return c;
}

/* ipc(2) is shmat and shmdt on i386: ipc(SHMAT, id, flags, &result, address). */
static struct change ipc(const struct sys_regs *regs)
{
    const unsigned long *a = regs->args;
    if ((a[0] & 0xffff) == SHMAT)
        return (struct change){PMT_CALL_SHMAT, EFFECT_ATTACH, {a[1], a[4], a[2]}};
    if ((a[0] & 0xffff) == SHMDT)
        return (struct change){PMT_CALL_SHMDT, EFFECT_DETACH, {a[4]}};
    return (struct change){PMT_CALL_NONE, EFFECT_NONE, {0}};
}
#endif

static struct change plain(const struct sys_regs *regs, enum pmt_call call, enum effect effect)
{
    struct change c = {call, effect, {0}};
    memcpy(c.args, regs->args, sizeof c.args);
    return c;
}

static struct change decode(const struct sys_regs *regs)
{
    switch (regs->nr) {
    case __NR_brk:
        return plain(regs, PMT_CALL_BRK, EFFECT_BRK);
#ifdef __i386__
    case __NR_mmap:
        return old_mmap(regs);
    case __NR_mmap2:
        return plain(regs, PMT_CALL_MMAP2, EFFECT_RESULT);
    case __NR_ipc:
        return ipc(regs);
#else
    case __NR_mmap:
        return plain(regs, PMT_CALL_MMAP, EFFECT_RESULT);
#endif
    case __NR_munmap:
        return plain(regs, PMT_CALL_MUNMAP, EFFECT_ARGS);
    case __NR_mremap:
        return plain(regs, PMT_CALL_MREMAP, EFFECT_BOTH);
    case __NR_mprotect:
        return plain(regs, PMT_CALL_MPROTECT, EFFECT_ARGS);
    case __NR_pkey_mprotect:
        return plain(regs, PMT_CALL_PKEY_MPROTECT, EFFECT_ARGS);
    case __NR_madvise:
        return plain(regs, PMT_CALL_MADVISE, madvise_effect(regs->args[2]));
    case __NR_mlock:
        return plain(regs, PMT_CALL_MLOCK, EFFECT_ARGS);
    case __NR_mlock2:
        return plain(regs, PMT_CALL_MLOCK2, EFFECT_ARGS);
    case __NR_munlock:
        return plain(regs, PMT_CALL_MUNLOCK, EFFECT_ARGS);
    case __NR_mlockall:
        return plain(regs, PMT_CALL_MLOCKALL, EFFECT_ANYWHERE);
    case __NR_munlockall:
        return plain(regs, PMT_CALL_MUNLOCKALL, EFFECT_ANYWHERE);
    case __NR_remap_file_pages:
        return plain(regs, PMT_CALL_REMAP_FILE_PAGES, EFFECT_ARGS);
    case __NR_shmat:
        return plain(regs, PMT_CALL_SHMAT, EFFECT_ATTACH);
    case __NR_shmdt:
        return plain(regs, PMT_CALL_SHMDT, EFFECT_DETACH);
    case __NR_prctl:
        if (regs->args[0] == PR_SET_VMA)
            return plain(regs, PMT_CALL_PRCTL, EFFECT_ANYWHERE);
    }
    return plain(regs, PMT_CALL_NONE, EFFECT_NONE);
}

static bool is_error(long result)
{
    return (unsigned long)result >= (unsigned long)-4095L;
}

/* The value that shmat(2) returns; on i386 ipc(2) stores it in memory. */
static unsigned long attached_at(const struct sys_regs *regs, long result)
{
#ifdef __i386__
    if (regs->nr == __NR_ipc)
        return *(const unsigned long *)regs->args[3];
#endif
    (void)regs;
    return (unsigned long)result;
}

static void send(const struct change *c, int64_t result, unsigned long old_brk, uint32_t stack_id)
{
    struct pmt_within within;
    state_within(&within);
    struct emit e = emit_begin((uint32_t)sizeof(struct pmt_kernel) + pmt_align(within.name_size));
    struct pmt_kernel *k = e.record;
    if (!k)
        return;
    emit_header(&e, PMT_RECORD_KERNEL, (uint8_t)c->call, stack_id, ticks_now());
    for (int i = 0; i < 6; i++)
        k->args[i] = c->args[i];
    if (c->call == PMT_CALL_MMAP2)
        k->args[5] = (uint64_t)c->args[5] << 12;
    k->result = result;
    k->old_brk = old_brk;
    k->within = within;
    memcpy(k + 1, thread.name, within.name_size);
    emit_end(&e);
}

static uint64_t page_up(uint64_t address)
{
    return (address + live->page_size - 1) & ~(uint64_t)(live->page_size - 1);
}

static struct range range(uint64_t from, uint64_t length)
{
    return (struct range){from & ~(uint64_t)(live->page_size - 1), page_up(from + length)};
}

/* The end of the region that contains `address`; `address` if there is none. */
static uint64_t region_end(uint64_t address)
{
    uint64_t low, high;
    return own_map_find(address, &low, &high) ? high : address;
}

/* The ranges in which the map may have changed, in ascending order. Returns how many. */
static unsigned ranges_of(const struct change *c, unsigned long result, unsigned long old_brk,
                          uint64_t detached_end, struct range out[2])
{
    const unsigned long *a = c->args;
    switch (c->effect) {
    case EFFECT_NONE:
    case EFFECT_ANYWHERE:
        return 0;
    case EFFECT_BRK:
        if (page_up(result) == page_up(old_brk))
            return 0;
        out[0] =
            result < old_brk ? range(result, old_brk - result) : range(old_brk, result - old_brk);
        return 1;
    case EFFECT_RESULT:
        out[0] = range(result, a[1]);
        return 1;
    case EFFECT_ARGS:
        out[0] = range(a[0], a[1]);
        return 1;
    case EFFECT_ATTACH:
        out[0] = (struct range){result, region_end(result)};
        return 1;
    case EFFECT_DETACH:
        out[0] = (struct range){a[0], detached_end};
        return 1;
    case EFFECT_BOTH:
        break;
    }
    struct range from = range(a[0], a[1] ? a[1] : a[2]), to = range(result, a[2]);
    bool apart = from.hi + live->page_size < to.lo || to.hi + live->page_size < from.lo;
    out[0] = from.lo < to.lo ? from : to;
    out[1] = from.lo < to.lo ? to : from;
    if (!apart)
        out[0].hi = from.hi > to.hi ? from.hi : to.hi;
    return apart ? 2 : 1;
}

/* Whether memory that was there may have gone, or become another. */
static bool may_unmap(const struct change *c, unsigned long result, unsigned long old_brk)
{
    switch (c->call) {
    case PMT_CALL_BRK:
        return result < old_brk;
    case PMT_CALL_MMAP:
    case PMT_CALL_MMAP2:
        return c->args[3] & MAP_FIXED;
    case PMT_CALL_MUNMAP:
    case PMT_CALL_MREMAP:
    case PMT_CALL_MPROTECT:
    case PMT_CALL_PKEY_MPROTECT:
    case PMT_CALL_REMAP_FILE_PAGES:
    case PMT_CALL_SHMAT:
    case PMT_CALL_SHMDT:
        return true;
    default:
        return false;
    }
}

/* The call, its record and its snapshot, with map_lock held: so the order of the records is the
 * order in the kernel. */
static long record(const struct sys_regs *regs, const struct change *c)
{
    uint32_t stack_id = stack_id_of_change();
    if (!lock_take(&map_lock))
        return sys_call_regs(regs);
    unsigned long old_brk = c->effect == EFFECT_BRK ? (unsigned long)sys1(__NR_brk, 0) : 0;
    uint64_t detached_end = c->effect == EFFECT_DETACH ? region_end(c->args[0]) : 0;
    long result = sys_call_regs(regs);
    bool failed = c->effect != EFFECT_BRK && is_error(result);
    unsigned long value =
        failed || c->effect != EFFECT_ATTACH ? (unsigned long)result : attached_at(regs, result);
    send(c, failed ? (int64_t)result : (int64_t)(uint64_t)value, old_brk, stack_id);
    struct range ranges[2];
    unsigned count = failed ? 0 : ranges_of(c, value, old_brk, detached_end, ranges);
    if (may_unmap(c, value, old_brk))
        for (unsigned i = 0; i < count; i++)
            unwind_unmapped((uintptr_t)ranges[i].lo, (uintptr_t)ranges[i].hi);
    if (count)
        snapshot_ranges(ranges, count, stack_id);
    else if (!failed && c->effect == EFFECT_ANYWHERE)
        snapshot_whole(PMT_REASON_KERNEL, stack_id);
    lock_release(&map_lock);
    return result;
}

static void send_exec(const char *path, int error)
{
    size_t size = strnlen(path, PMT_PATH_MAX);
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
    attention_last_look(PMT_REASON_EXEC);
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
    attention_last_look(PMT_REASON_EXIT);
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

/* It shares the parent's memory until it executes a program (vfork, posix_spawn): nothing in there
 * is its own to record. */
static long of_vfork_child(const struct sys_regs *regs)
{
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

static long of_life(const struct sys_regs *regs, const uint64_t *mask)
{
    switch (regs->nr) {
    case __NR_execve:
    case __NR_execveat:
        return execute(regs, mask);
    case __NR_exit_group:
        return leave(regs);
    case __NR_exit:
        threads_exit();
        return sys_call_regs(regs);
    }
    return process.follow ? fork_traced(regs) : sys_call_regs(regs);
}

long kernel_call(const struct sys_regs *regs)
{
    if (thread.busy || (live->sink == SINK_NONE && !fork_found_out()))
        return sys_call_regs(regs);
    if ((uint32_t)sys0(__NR_getpid) != live->pid)
        return of_vfork_child(regs);
    bool life = is_of_life(regs);
    struct change c = {0};
    if (!life && (c = decode(regs)).call == PMT_CALL_NONE)
        return sys_call_regs(regs);
    if ((live->attention || thread.loader_ran) && !state_in_loader())
        attention_pay(thread.call.caller);
    uint64_t mask;
    sys_block_signals(&mask);
    long result = life ? of_life(regs, &mask) : record(regs, &c);
    sys_restore_signals(&mask);
    return result;
}
