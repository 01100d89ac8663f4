/* Whether ld.so will load the shim into a program: what runner/program/judge.c decides for the
 * first one, made small. Reads the file; allocates nothing. */
#pragma once

#include "schemas/sanitizer.h"
#include <stdbool.h>

struct exec_target {
    int directory; /* as of execveat(2) */
    bool by_fd;    /* `directory` is the file itself, and `path` is empty */
    const char *path;
    char *const *argv;
};

enum exec_target_kind {
    EXEC_TARGET_NONE,  /* nothing that could be executed */
    EXEC_TARGET_ALONE, /* it will not load the shim */
    EXEC_TARGET_LOADS,
};

/* `sanitizer`: the library that the program needs to be the first, or "". */
enum exec_target_kind exec_target_look(const struct exec_target *target,
                                       char sanitizer[SANITIZER_NAME]);
