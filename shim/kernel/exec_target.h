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

/* `sanitizer`: the library that the program needs to be the first, or "". */
bool exec_target_loads_shim(const struct exec_target *target, char sanitizer[SANITIZER_NAME]);
