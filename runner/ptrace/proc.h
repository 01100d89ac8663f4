/* What /proc says of a process, proc(5). */
#pragma once

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* At most `most` bytes of /proc/PID/NAME, with two NUL behind them: of memory_get(). */
char *proc_read(pid_t pid, const char *name, size_t most, size_t *size);

/* The value of a line "NAME: value" of /proc/PID/status; -1 if there is none. */
long proc_status(pid_t pid, const char *name);
/* A line of signals there ("SigPnd"), signal n as bit n-1. */
uint64_t proc_signals(pid_t tid, const char *name);

/* Field `wanted` of what proc_read() got of /proc/PID/stat. */
uint64_t proc_stat_field(const char *text, unsigned wanted);

/* An entry of the auxiliary vector, getauxval(3); 0 if there is none. */
uint64_t proc_auxiliary(pid_t pid, unsigned word_size, uint64_t type);

/* The path of the file that it executes, "" if it is not known. */
void proc_program(pid_t pid, char path[PATH_MAX]);
