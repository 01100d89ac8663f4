/* Whether a program can be traced by the preloaded shim. */
#pragma once

#include "runner/program/inspect.h"

enum target_obstacle {
    TARGET_TRACEABLE,
    TARGET_SCRIPT_LOOP,        /* more than TARGET_MAX_SCRIPTS scripts in a row */
    TARGET_INTERPRETER_FAILED, /* the interpreter of a script cannot be executed */
    TARGET_NOT_A_PROGRAM,      /* neither ELF nor script; an object file, a library, a core dump */
    TARGET_DAMAGED,
    TARGET_FOREIGN, /* for another machine */
    TARGET_X32,     /* x86-64 with 32-bit addresses */
    TARGET_SECURE,  /* LD_PRELOAD would be ignored */
    TARGET_STATIC,  /* nothing that would load the shim */
    TARGET_LOADER_MISSING,
    TARGET_OTHER_LIBC, /* dynamic, but not with glibc: musl */
    TARGET_LOADER,     /* glibc's loader itself: none, if it is to run a program */
};

/* What keeps the shim from tracing the target; TARGET_TRACEABLE if nothing does. A script is traced
 * through: its interpreter counts. */
enum target_obstacle judge_target(const struct target *target);

/* 0 when traceable; -ENOTSUP when the program could run but not be traced; -ENOEXEC, -ELIBACC (a
 * loader or interpreter is missing) or -ELOOP when it cannot be executed at all. */
int judge_error(enum target_obstacle obstacle);

/* The exit status for an error (-errno) of execve(2) or of what prepares it, as env(1) has it: 127
 * not found, 126 found but cannot be executed, 125 a failure or limit of our own. */
int judge_exit_status(int error);
