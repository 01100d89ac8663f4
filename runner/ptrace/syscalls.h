/* System calls as ptrace(2) and seccomp(2) number them: those of another program, in any ABI. */
#pragma once

#include "schemas/mapcalls.h"
#include <linux/filter.h>

/* What the call does. `arch` (AUDIT_ARCH_...), `nr` and `args` as PTRACE_GET_SYSCALL_INFO has
 * them. */
struct mapcalls_call syscalls_decode(uint32_t arch, uint64_t nr, const uint64_t args[6]);

#define SYSCALLS_FILTER_MAX 256

/* A seccomp filter that returns SECCOMP_RET_TRACE for the calls that have an effect on the map, and
 * lets all others pass. Returns its length. */
unsigned short syscalls_filter(struct sock_filter out[SYSCALLS_FILTER_MAX]);
