/* The numbers of system calls that the headers of older kernels lack; in C and in assembly. */
#pragma once

#include <asm/unistd.h>

#ifndef __NR_process_madvise
#define __NR_process_madvise 440
#endif
#ifndef __NR_set_mempolicy_home_node
#define __NR_set_mempolicy_home_node 450
#endif
#ifndef __NR_mseal
#define __NR_mseal 462
#endif
