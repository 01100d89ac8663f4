/* What the user is told of what went wrong. */
#pragma once

#include "runner/options.h"
#include "runner/program/inspect.h"
#include "runner/ptrace/trace.h"
#include "runner/ring/live.h"
#include "runner/views/progress.h"

/* Such a line is erased before each message. */
void explain_over(struct progress *progress);

/* "procmap-trace: NAME: what happened"; `name` may be NULL. */
__attribute__((format(printf, 2, 3))) void explain(const char *name, const char *format, ...);

/* An error (-errno) of finding or inspecting the program, of launch_find_shim(), of writing while
 * the program ran (0: none). */
void explain_no_program(const struct options *o, int error);
void explain_shim(const char *shim, int error);
void explain_output(int error);

/* A program that cannot be traced, a trace that cannot be read. */
void explain_unfit(const char *name, const struct target *target);
void explain_no_trace(const char *path, const char *why);

/* The program has ended, and `count` processes that are followed go on. */
void explain_waiting(size_t count, pid_t pid);

/* A trace by the shim that is not as it should be. */
void explain_live(const char *name, const struct live_result *result);

/* An error of execve(2) of the program at `path`. */
void explain_exec(const char *name, const char *path, int error);

/* By ptrace: any other error of trace_program(), and a trace that is not as it should be;
 * `written`: an error of writing. */
void explain_failure(const struct options *o, int error, const struct trace_result *result);
void explain_trace(const struct options *o, const struct trace_result *result, int written);
