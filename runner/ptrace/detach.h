/* Letting go of what is traced: it goes on as before. */
#pragma once

#include "runner/ptrace/ptracer.h"

void detach_all(struct ptracer *t);
