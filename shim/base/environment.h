/* The environment and the arguments as the kernel laid them on the stack, which can be read before
 * libc has set `environ`. */
#pragma once

#include "schemas/record.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void environment_find(void *stack_end);   /* ld.so's __libc_stack_end: where argc is */
uint64_t environment_stack_end(void);     /* an address in the main thread's stack */
bool environment_asks(void);              /* whether the process is to be traced at all */
char *const *environment_variables(void); /* end with NULL */
const char *environment_get(const char *name);

/* All arguments, each with its NUL, in `*size` bytes; no more than `most`, cut after a NUL. */
const char *environment_arguments(size_t *size, size_t most);

/* Takes everything of procmap-trace out, so that the program's children run as without it. */
void environment_clean(void);

/* What brings the shim into a program: its path as LD_PRELOAD has it, and
 * "PROCMAP_TRACE_SOCKET=...". Empty where there is no runner. */
struct environment_preload {
    char shim[PMT_PATH_MAX];
    char socket[128];
};
const struct environment_preload *environment_preload(void);
