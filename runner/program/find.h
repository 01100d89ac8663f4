/* From the name of a program to its path, as env(1) finds it. */
#pragma once

#include <limits.h>

/* Finds the program as execvp(3) does: a name with a slash is the path, any other is searched in
 * PATH. path is written only on success.
 * Returns 0, -ENOENT, -EACCES (there, but not executable), -EISDIR, or another error of stat(2). */
int find_program(const char *name, char path[PATH_MAX]);

/* Likewise, for a path: whether it can be executed. */
int find_executable(const char *path);
