/* Where the allocator of a program is: in its own file, or in the libc that it has loaded. */
#pragma once

#include "runner/ptrace/recorder.h"

/* Sets breakpoints there, if the file has symbols and is mapped by now. */
void libc_find_allocator(struct recorder *r, struct space *space, pid_t pid);
