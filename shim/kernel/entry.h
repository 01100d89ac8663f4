/* How the system calls of libc and ld.so come to kernel_call(): entry_i386.c and entry_x86_64.c. */
#pragma once

#include <stdbool.h>

/* Of libc. False if they could not be hooked. Called once, before there is a second thread. */
bool entry_install(void);

/* Of ld.so: those that change the map. False if it is not an ld.so as known here, where nothing is
 * changed. Likewise. */
bool entry_install_in_loader(void);
