/* How libc's system calls come to kernel_call(): entry_i386.c and entry_x86_64.c. */
#ifndef PMT_ENTRY_H
#define PMT_ENTRY_H

#include <stdbool.h>

/* False if they could not be hooked. Called once, before there is a second thread. */
bool entry_install(void);

#endif
