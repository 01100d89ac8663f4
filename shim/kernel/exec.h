/* execve(2): the new image is traced, too. */
#pragma once

#include "shim/base/sys.h"

/* Makes the system call execve or execveat with an environment that brings the shim into the new
 * image, if ld.so will load it there; the shim takes those settings out again at its start. */
long exec_traced(const struct sys_regs *regs);
