/* The program's start: a child that is seized before it executes it. */
#pragma once

#include "runner/program/launch.h"
#include "runner/ptrace/ptracer.h"

/* Starts the child, which stops at its execve. 0 or -errno. */
int start_program(struct ptracer *t, const struct launch *launch);

/* What the child has said of itself by now. */
void start_read_report(struct ptracer *t);
