/* System calls as ptrace(2) and seccomp(2) number them: those of another program, in any ABI. */
#pragma once

#include "schemas/mapcalls.h"
#include <linux/filter.h>

/* What the call does. `arch` (AUDIT_ARCH_...), `nr` and `args` as PTRACE_GET_SYSCALL_INFO has
 * them. */
struct mapcalls_call syscalls_decode(uint32_t arch, uint64_t nr, const uint64_t args[6]);

/* The calls that may hide a child from the tracer: by a flag in their first argument, or in the
 * memory that it points to. */
enum syscalls_clone { SYSCALLS_NO_CLONE, SYSCALLS_CLONE, SYSCALLS_CLONE3 };
enum syscalls_clone syscalls_clone(uint32_t arch, uint64_t nr);

/* The calls that may change what a thread does with SIGTRAP: rt_sigaction(2), and those that set
 * what is blocked. */
enum syscalls_signals { SYSCALLS_NO_SIGNALS, SYSCALLS_ACTION, SYSCALLS_MASK };
enum syscalls_signals syscalls_signals(uint32_t arch, uint64_t nr);
#define SYSCALLS_ACTION_OF_I386 174u
#define SYSCALLS_ACTION_OF_X86_64 13u

#define SYSCALLS_FILTER_MAX 450

/* A seccomp filter that returns SECCOMP_RET_TRACE for the calls that have an effect on the map and
 * those that hide a child, or may, and lets all others pass. Returns its length. */
unsigned short syscalls_filter(struct sock_filter out[SYSCALLS_FILTER_MAX]);
