/* Taking hold of a running process. */
#ifndef PMT_ATTACH_H
#define PMT_ATTACH_H

#include "runner/ptrace/ptracer.h"

/* All threads of a running process, and its first image. 0 or -errno. */
int attach_process(struct ptracer *t, pid_t pid);

#endif
