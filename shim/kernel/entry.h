/* How libc's system calls come to kernel_call(): entry_i386.c and entry_x86_64.c. */
#pragma once

#include <stdbool.h>

/* False if they could not be hooked. Called once, before there is a second thread. */
bool entry_install(void);
