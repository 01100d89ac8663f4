/* Whether ld.so will load the shim into a program: what runner/program/judge.c decides for the
 * first one, made small. Reads the file; allocates nothing. */
#pragma once

#include "schemas/sanitizer.h"
#include <stdbool.h>

#define EXEC_TARGET_CWD (-100) /* AT_FDCWD */

/* `directory`, `path` and `flags` as those of execveat(2). `sanitizer`: the library that the
 * program needs to be the first, or "". */
bool exec_target_loads_shim(int directory, const char *path, int flags,
                            char sanitizer[SANITIZER_NAME]);
