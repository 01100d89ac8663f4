/* Letting go of what is traced: it goes on as before. */
#ifndef PMT_DETACH_H
#define PMT_DETACH_H

#include "runner/ptrace/ptracer.h"

void detach_all(struct ptracer *t);

#endif
