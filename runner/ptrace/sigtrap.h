/* SIGTRAP as the program has it. A breakpoint is told by SIGTRAP even where that is blocked or
 * ignored: the kernel then unblocks it, and sets it to its default. So what the program has asked
 * for is noted, and holds again before the thread goes on. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* Of a thread that we have just taken hold of, and of the image that it begins. */
void sigtrap_read_mask(struct tracee *thread);
void sigtrap_read(struct tracee *thread);

/* A system call begins, or ends. */
void sigtrap_entry(struct tracee *thread, const struct __ptrace_syscall_info *info);
void sigtrap_exit(struct tracee *thread, const struct __ptrace_syscall_info *info);

/* A SIGTRAP that is the program's is about to be delivered. */
void sigtrap_deliver(struct tracee *thread);

/* Blocks it again, if it was blocked; returns whether. */
bool sigtrap_block(const struct tracee *thread);

/* Before a thread that was stopped by a breakpoint goes on with *signal, another one or 0; which
 * may change. Returns false if it ended meanwhile: then `*instead` is what waitpid(2) said of
 * that. */
bool sigtrap_restore(struct ptracer *t, struct tracee *thread, int *signal, int *instead);

/* int3 is told from a SIGTRAP that somebody sent. */
bool sigtrap_is_breakpoint(struct tracee *thread);

/* sigtrap_restore(), and if the thread has not ended it goes on. */
void sigtrap_go_on(struct ptracer *t, struct tracee *thread, int signal, int *instead);
