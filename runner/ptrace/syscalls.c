#include "runner/ptrace/syscalls.h"
#include <linux/audit.h>
#include <linux/ipc.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

#define X32_BIT 0x40000000u
#define NONE (-1) /* not in this ABI */
#define OLD_MMAP 90
#define IPC 117
#define BLOCKS true

struct row {
    int nr32, nr64, nr_x32; /* nr_x32 without X32_BIT */
    enum pmt_call call;
    enum syscalls_effect effect;
    bool may_block; /* it may read pages, which userfaultfd(2) lets other threads provide */
};

/* arch/x86/entry/syscalls/syscall_{32,64}.tbl of the kernel */
static const struct row table[] = {
    {45, 12, 12, PMT_CALL_BRK, SYSCALLS_BRK, false},
    {NONE, 9, 9, PMT_CALL_MMAP, SYSCALLS_RESULT, false},
    {OLD_MMAP, NONE, NONE, PMT_CALL_MMAP, SYSCALLS_RESULT, false},
    {192, NONE, NONE, PMT_CALL_MMAP2, SYSCALLS_RESULT, false},
    {91, 11, 11, PMT_CALL_MUNMAP, SYSCALLS_ARGS, false},
    {163, 25, 25, PMT_CALL_MREMAP, SYSCALLS_BOTH, false},
    {125, 10, 10, PMT_CALL_MPROTECT, SYSCALLS_ARGS, false},
    {380, 329, 329, PMT_CALL_PKEY_MPROTECT, SYSCALLS_ARGS, false},
    {219, 28, 28, PMT_CALL_MADVISE, SYSCALLS_ARGS, false},
    {150, 149, 149, PMT_CALL_MLOCK, SYSCALLS_ARGS, BLOCKS},
    {376, 325, 325, PMT_CALL_MLOCK2, SYSCALLS_ARGS, BLOCKS},
    {151, 150, 150, PMT_CALL_MUNLOCK, SYSCALLS_ARGS, false},
    {152, 151, 151, PMT_CALL_MLOCKALL, SYSCALLS_ANYWHERE, BLOCKS},
    {153, 152, 152, PMT_CALL_MUNLOCKALL, SYSCALLS_ANYWHERE, false},
    {257, 216, 216, PMT_CALL_REMAP_FILE_PAGES, SYSCALLS_ARGS, BLOCKS},
    {397, 30, 30, PMT_CALL_SHMAT, SYSCALLS_ATTACH, false},
    {398, 67, 67, PMT_CALL_SHMDT, SYSCALLS_DETACH, false},
    {IPC, NONE, NONE, PMT_CALL_SHMAT, SYSCALLS_ATTACH, false},
    {172, 157, 157, PMT_CALL_PRCTL, SYSCALLS_ANYWHERE, false},
    {11, 59, 520, PMT_CALL_NONE, SYSCALLS_EXEC, false},
    {358, 322, 545, PMT_CALL_NONE, SYSCALLS_EXEC, false},
};
#define ROWS (sizeof table / sizeof *table)

/* Advice that changes a flag of the region, for which the kernel splits and merges regions; the
 * other kinds act on pages only (mm/madvise.c). */
static const unsigned lasting_advice[] = {
    MADV_NORMAL,    MADV_RANDOM,      MADV_SEQUENTIAL, MADV_DONTFORK,   MADV_DOFORK,
    MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE,   MADV_NOHUGEPAGE, MADV_DONTDUMP,
    MADV_DODUMP,    MADV_WIPEONFORK,  MADV_KEEPONFORK,
};
#define LASTING_ADVICE (sizeof lasting_advice / sizeof *lasting_advice)

static const unsigned prctl_of_map[] = {PR_SET_VMA};

static bool is_among(uint64_t value, const unsigned *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((uint32_t)value == list[i])
            return true;
    return false;
}

static const struct row *find(uint32_t arch, uint64_t nr)
{
    bool x32 = arch == AUDIT_ARCH_X86_64 && (nr & X32_BIT) != 0;
    if (arch != AUDIT_ARCH_I386 && arch != AUDIT_ARCH_X86_64)
        return NULL;
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &table[i];
        int wanted = arch == AUDIT_ARCH_I386 ? r->nr32 : x32 ? r->nr_x32 : r->nr64;
        if (wanted >= 0 && (uint64_t)wanted == (x32 ? nr & ~(uint64_t)X32_BIT : nr))
            return r;
    }
    return NULL;
}

/* ipc(2) is shmat and shmdt on i386: ipc(SHMAT, id, flags, &result, address). */
static void decode_ipc(struct syscalls_call *c, const uint64_t a[6])
{
    memset(c->args, 0, sizeof c->args);
    if ((a[0] & 0xffff) == SHMAT) {
        c->args[0] = a[1];
        c->args[1] = a[4];
        c->args[2] = a[2];
        c->result_at = a[3];
    } else if ((a[0] & 0xffff) == SHMDT) {
        c->call = PMT_CALL_SHMDT;
        c->effect = SYSCALLS_DETACH;
        c->args[0] = a[4];
    } else {
        c->call = PMT_CALL_NONE;
        c->effect = SYSCALLS_NOTHING;
    }
}

static bool is_of_interest(const struct syscalls_call *c)
{
    if (c->call == PMT_CALL_MADVISE)
        return is_among(c->args[2], lasting_advice, LASTING_ADVICE);
    return c->call != PMT_CALL_PRCTL || is_among(c->args[0], prctl_of_map, 1);
}

struct syscalls_call syscalls_decode(uint32_t arch, uint64_t nr, const uint64_t args[6])
{
    const struct row *row = find(arch, nr);
    struct syscalls_call c = {.call = PMT_CALL_NONE};
    if (!row)
        return c;
    c.call = row->call;
    c.effect = row->effect;
    c.may_block = row->may_block;
    for (int i = 0; i < 6; i++)
        c.args[i] = arch == AUDIT_ARCH_I386 ? (uint32_t)args[i] : args[i];
    if (c.effect == SYSCALLS_EXEC && row->nr32 != 11)
        c.args[0] = c.args[1]; /* execveat: the directory comes first */
    if (arch == AUDIT_ARCH_I386 && nr == IPC)
        decode_ipc(&c, args);
    if (arch == AUDIT_ARCH_I386 && nr == OLD_MMAP)
        c.arguments_at = c.args[0];
    if (c.call == PMT_CALL_MMAP2)
        c.args[5] <<= 12;
    if (c.effect == SYSCALLS_RESULT)
        c.may_block = (c.args[3] & (MAP_POPULATE | MAP_LOCKED)) != 0;
    if (!is_of_interest(&c))
        c = (struct syscalls_call){.call = PMT_CALL_NONE};
    return c;
}

void syscalls_old_mmap(struct syscalls_call *c, const uint32_t arguments[6])
{
    for (int i = 0; i < 6; i++)
        c->args[i] = arguments[i];
    c->may_block = (c->args[3] & (MAP_POPULATE | MAP_LOCKED)) != 0;
}

static struct syscalls_range range(uint64_t from, uint64_t length, uint64_t page_size)
{
    uint64_t mask = ~(page_size - 1);
    return (struct syscalls_range){from & mask, (from + length + page_size - 1) & mask};
}

static unsigned brk_ranges(const struct syscalls_outcome *o, struct syscalls_range *out)
{
    uint64_t low = o->result < o->old_brk ? o->result : o->old_brk;
    uint64_t high = o->result < o->old_brk ? o->old_brk : o->result;
    uint64_t first = range(low, 0, o->page_size).hi;
    if (first == range(high, 0, o->page_size).hi)
        return 0;
    *out = range(low, high - low, o->page_size);
    return 1;
}

static unsigned mremap_ranges(const uint64_t *a, const struct syscalls_outcome *o,
                              struct syscalls_range out[2])
{
    struct syscalls_range from = range(a[0], a[1] ? a[1] : a[2], o->page_size);
    struct syscalls_range to = range(o->result, a[2], o->page_size);
    bool apart = from.hi + o->page_size < to.lo || to.hi + o->page_size < from.lo;
    out[0] = from.lo < to.lo ? from : to;
    out[1] = from.lo < to.lo ? to : from;
    if (!apart)
        out[0].hi = from.hi > to.hi ? from.hi : to.hi;
    return apart ? 2 : 1;
}

unsigned syscalls_ranges(const struct syscalls_call *c, const struct syscalls_outcome *o,
                         struct syscalls_range out[2])
{
    switch (c->effect) {
    case SYSCALLS_BRK:
        return brk_ranges(o, out);
    case SYSCALLS_RESULT:
        out[0] = range(o->result, c->args[1], o->page_size);
        break;
    case SYSCALLS_ARGS:
        out[0] = range(c->args[0], c->args[1], o->page_size);
        break;
    case SYSCALLS_ATTACH:
        out[0] = (struct syscalls_range){o->result, o->region_end};
        break;
    case SYSCALLS_DETACH:
        out[0] = (struct syscalls_range){c->args[0], o->region_end};
        break;
    case SYSCALLS_BOTH:
        return mremap_ranges(c->args, o, out);
    default:
        return 0;
    }
    return out[0].lo < out[0].hi ? 1 : 0;
}

/* ---- the filter ---- */

struct program {
    struct sock_filter *out;
    unsigned short length;
};

static void add(struct program *p, struct sock_filter instruction)
{
    p->out[p->length++] = instruction;
}

static void load(struct program *p, size_t offset)
{
    add(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void finish(struct program *p, uint32_t action)
{
    add(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* If the loaded word is `value`, goes on with the next instruction, else `skip` further. */
static void expect(struct program *p, uint32_t value, size_t skip)
{
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, (uint8_t)skip));
}

/* Only where argument number `argument` is one of the list. */
static void add_choice(struct program *p, uint32_t nr, unsigned argument, const unsigned *list,
                       size_t count)
{
    expect(p, nr, 2 * count + 2);
    load(p, offsetof(struct seccomp_data, args) + 8 * argument); /* its low half */
    for (size_t i = 0; i < count; i++) {
        expect(p, list[i], 1);
        finish(p, SECCOMP_RET_TRACE);
    }
    finish(p, SECCOMP_RET_ALLOW);
}

static void add_row(struct program *p, const struct row *row, uint32_t nr)
{
    if (row->call == PMT_CALL_MADVISE)
        return add_choice(p, nr, 2, lasting_advice, LASTING_ADVICE);
    if (row->call == PMT_CALL_PRCTL)
        return add_choice(p, nr, 0, prctl_of_map, 1);
    expect(p, nr, 1);
    finish(p, SECCOMP_RET_TRACE);
}

/* The calls of one architecture, behind a jump over them for the others. */
static void add_abi(struct program *p, uint32_t arch)
{
    load(p, offsetof(struct seccomp_data, arch));
    unsigned short jump = p->length;
    expect(p, arch, 0);
    load(p, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &table[i];
        int nr = arch == AUDIT_ARCH_I386 ? r->nr32 : r->nr64;
        if (nr >= 0)
            add_row(p, r, (uint32_t)nr);
        if (arch == AUDIT_ARCH_X86_64 && r->nr_x32 >= 0)
            add_row(p, r, X32_BIT | (uint32_t)r->nr_x32);
    }
    finish(p, SECCOMP_RET_ALLOW);
    p->out[jump].jf = (uint8_t)(p->length - jump - 1);
}

unsigned short syscalls_filter(struct sock_filter out[SYSCALLS_FILTER_MAX])
{
    struct program p = {out, 0};
    add_abi(&p, AUDIT_ARCH_I386);
    add_abi(&p, AUDIT_ARCH_X86_64);
    finish(&p, SECCOMP_RET_ALLOW);
    return p.length;
}
