/* glibc's dynamic loader, ld.so(8): what loads the shim into programs. */
#pragma once

#include <stdbool.h>

/* By its name: /lib/ld-linux.so.2, /lib64/ld-linux-x86-64.so.2. */
bool loader_is_glibc(const char *path);

/* Executed with these arguments it runs a program, as if that had been executed: not so when it is
 * asked for a list, or something about itself. */
bool loader_runs_program(char *const *argv);
