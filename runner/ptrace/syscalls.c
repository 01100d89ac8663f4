#include "runner/ptrace/syscalls.h"
#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

struct mapcalls_call syscalls_decode(uint32_t arch, uint64_t nr, const uint64_t args[6])
{
    struct mapcalls_call call = {.call = PMT_CALL_NONE};
    memcpy(call.args, args, sizeof call.args);
    if (arch == AUDIT_ARCH_I386)
        mapcalls_decode(&call, MAPCALLS_I386, nr);
    else if (arch == AUDIT_ARCH_X86_64)
        mapcalls_decode(&call, nr & MAPCALLS_X32_BIT ? MAPCALLS_X32 : MAPCALLS_X86_64, nr);
    return call;
}

#define CLONE_OF_I386 120u /* that of x32 is that of x86-64 with MAPCALLS_X32_BIT */
#define CLONE_OF_X86_64 56u
#define CLONE3 435u /* everywhere */

enum syscalls_clone syscalls_clone(uint32_t arch, uint64_t nr)
{
    if (arch == AUDIT_ARCH_X86_64)
        nr &= ~(uint64_t)MAPCALLS_X32_BIT;
    if (nr == CLONE3)
        return SYSCALLS_CLONE3;
    bool is_clone = nr == (arch == AUDIT_ARCH_I386 ? CLONE_OF_I386 : CLONE_OF_X86_64);
    return is_clone ? SYSCALLS_CLONE : SYSCALLS_NO_CLONE;
}

static const struct {
    uint16_t action, masks[4];
} signals[] = {
    [MAPCALLS_I386] = {SYSCALLS_ACTION_OF_I386,
                       {126, 175, 119, 173}}, /* (rt_)sigprocmask, return */
    [MAPCALLS_X86_64] = {SYSCALLS_ACTION_OF_X86_64, {14, 15}},
};

enum syscalls_signals syscalls_signals(uint32_t arch, uint64_t nr)
{
    enum mapcalls_abi abi = arch == AUDIT_ARCH_I386 ? MAPCALLS_I386 : MAPCALLS_X86_64;
    for (size_t i = 0; i < 4 && signals[abi].masks[i]; i++)
        if (nr == signals[abi].masks[i])
            return SYSCALLS_MASK;
    return nr == signals[abi].action ? SYSCALLS_ACTION : SYSCALLS_NO_SIGNALS;
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

/* Only where the argument has one of the values. */
static void add_choice(struct program *p, uint32_t nr, const struct mapcalls_choice *choice)
{
    expect(p, nr, 2 * choice->count + 2);
    load(p, offsetof(struct seccomp_data, args) + 8 * choice->argument); /* its low half */
    for (size_t i = 0; i < choice->count; i++) {
        expect(p, choice->values[i], 1);
        finish(p, SECCOMP_RET_TRACE);
    }
    finish(p, SECCOMP_RET_ALLOW);
}

static void add_call(struct program *p, const struct mapcalls_row *row, enum mapcalls_abi abi)
{
    uint32_t nr = (uint32_t)row->nr[abi] | (abi == MAPCALLS_X32 ? MAPCALLS_X32_BIT : 0);
    struct mapcalls_choice choice = mapcalls_choice(row->call);
    if (row->nr[abi] == MAPCALLS_NO_NUMBER)
        return;
    if (choice.count)
        return add_choice(p, nr, &choice);
    expect(p, nr, 1);
    finish(p, SECCOMP_RET_TRACE);
}

static void add_clones(struct program *p, uint32_t clone, uint32_t bit)
{
    expect(p, CLONE3 | bit, 1);
    finish(p, SECCOMP_RET_TRACE);
    expect(p, clone | bit, 4);
    load(p, offsetof(struct seccomp_data, args));
    add(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_UNTRACED, 0, 1));
    finish(p, SECCOMP_RET_TRACE);
    finish(p, SECCOMP_RET_ALLOW);
}

static void add_signals(struct program *p, enum mapcalls_abi abi)
{
    for (size_t i = 0; i < 4 && signals[abi].masks[i]; i++) {
        expect(p, signals[abi].masks[i], 1);
        finish(p, SECCOMP_RET_TRACE);
    }
    expect(p, signals[abi].action, 4);
    load(p, offsetof(struct seccomp_data, args));
    expect(p, SIGTRAP, 1);
    finish(p, SECCOMP_RET_TRACE);
    finish(p, SECCOMP_RET_ALLOW);
}

/* The calls of one architecture, behind a jump over them for the others. */
static void add_arch(struct program *p, uint32_t arch, enum mapcalls_abi abi)
{
    load(p, offsetof(struct seccomp_data, arch));
    expect(p, arch, 0);
    p->out[p->length - 1].jt = 1;
    unsigned short jump = p->length; /* further than a comparison could */
    add(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
    load(p, offsetof(struct seccomp_data, nr));
    add_clones(p, abi == MAPCALLS_I386 ? CLONE_OF_I386 : CLONE_OF_X86_64, 0);
    add_signals(p, abi);
    if (abi == MAPCALLS_X86_64)
        add_clones(p, CLONE_OF_X86_64, MAPCALLS_X32_BIT);
    for (size_t i = 0; i < MAPCALLS_ROWS; i++) {
        add_call(p, &mapcalls_table[i], abi);
        if (abi == MAPCALLS_X86_64)
            add_call(p, &mapcalls_table[i], MAPCALLS_X32);
    }
    finish(p, SECCOMP_RET_ALLOW);
    p->out[jump].k = p->length - jump - 1u;
}

unsigned short syscalls_filter(struct sock_filter out[SYSCALLS_FILTER_MAX])
{
    struct program p = {out, 0};
    add_arch(&p, AUDIT_ARCH_I386, MAPCALLS_I386);
    add_arch(&p, AUDIT_ARCH_X86_64, MAPCALLS_X86_64);
    finish(&p, SECCOMP_RET_ALLOW);
    return p.length;
}
