/* Taking hold of a running process, and letting go of whatever is traced. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* All threads of a running process, and its first image. 0 or -errno. */
int attach_process(struct ptracer *t, pid_t pid);

/* All that is traced goes on as before. */
void attach_end(struct ptracer *t);
