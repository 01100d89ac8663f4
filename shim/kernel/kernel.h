/* System calls that change the map or end it, as libc makes them: entry.h says how they get
 * here. */
#pragma once

#include "shim/base/sys.h"
#include <stddef.h>

/* In the place of the system call: makes it, and records what it did. Hidden, as it is called from
 * assembly. */
__attribute__((visibility("hidden"))) long kernel_call(const struct sys_regs *regs);

/* Called when ld.so has mapped code; NULL: nobody wants to know. The entry sets it. */
extern void (*kernel_code_mapped)(const void *code, size_t size)
    __attribute__((visibility("hidden")));
