/* What the process that reads files for names may do: read regular files, and get memory. */
#pragma once

#include <stdbool.h>

/* For the calling thread. libdw opens files that an ELF names (.dwo, .gnu_debugaltlink) by itself:
 * whatever is opened here is opened by regular_open(). False if the kernel cannot. */
bool confine_files(void);

/* If the machine has too little memory, this process is the first to go, and leaves no core. */
void confine_memory(void);
