/* Taking hold of a running process. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* All threads of a running process, and its first image. 0 or -errno. */
int attach_process(struct ptracer *t, pid_t pid);
