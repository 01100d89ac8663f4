/* The system calls that matter to the ptrace source, in all ABIs of an x86-64 kernel, by number:
 * what they do to the map. The numbers are those of another program, so <asm/unistd.h> does not
 * have them all. */
#ifndef PMT_SYSCALLS_H
#define PMT_SYSCALLS_H

#include "schemas/record.h"
#include <linux/filter.h>
#include <stdbool.h>

/* Where a call may change the map. */
enum syscalls_effect {
    SYSCALLS_NOTHING,  /* not at all, it is of no interest */
    SYSCALLS_BRK,      /* between the old and the new break */
    SYSCALLS_RESULT,   /* length args[1] from the result */
    SYSCALLS_ARGS,     /* length args[1] from args[0] */
    SYSCALLS_BOTH,     /* mremap: args[0], args[1] and result, args[2] */
    SYSCALLS_ATTACH,   /* shmat: a region from the result */
    SYSCALLS_DETACH,   /* shmdt: a region from args[0] */
    SYSCALLS_ANYWHERE, /* mlockall */
    SYSCALLS_EXEC,     /* execve: args[0] is the path */
};

struct syscalls_call {
    enum pmt_call call;
    enum syscalls_effect effect;
    uint64_t args[6];      /* in the order of pmt_kernel.args */
    uint64_t arguments_at; /* the old mmap of i386: its six arguments lie there, 32 bits each */
    uint64_t result_at;    /* shmat by ipc: its result lies there, 32 bits */
    bool may_block;        /* until other threads have done something */
};

/* What the call does. `arch` (AUDIT_ARCH_...), `nr` and `args` as PTRACE_GET_SYSCALL_INFO has
 * them. */
struct syscalls_call syscalls_decode(uint32_t arch, uint64_t nr, const uint64_t args[6]);

/* The old mmap: completes `call` by what lies at call->arguments_at. */
void syscalls_old_mmap(struct syscalls_call *call, const uint32_t arguments[6]);

struct syscalls_range {
    uint64_t lo, hi;
};

/* What is known after a call that did not fail. */
struct syscalls_outcome {
    uint64_t result;
    uint64_t old_brk;
    uint64_t region_end; /* shmat, shmdt: of the region from the result, or from args[0] */
    uint64_t page_size;
};

/* The ranges in which the map may have changed, in ascending order. Returns how many. */
unsigned syscalls_ranges(const struct syscalls_call *call, const struct syscalls_outcome *outcome,
                         struct syscalls_range out[2]);

#define SYSCALLS_FILTER_MAX 256

/* A seccomp filter that returns SECCOMP_RET_TRACE for the calls that syscalls_decode() finds
 * interesting, and lets all others pass. Returns its length. */
unsigned short syscalls_filter(struct sock_filter out[SYSCALLS_FILTER_MAX]);

#endif
