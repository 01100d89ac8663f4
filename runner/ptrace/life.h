/* Threads and processes: how they begin, become other programs, and end. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* 0, or -errno if it has been killed meanwhile, or its files are not for us to read: then it is not
 * recorded. */
int life_begin_image(struct ptracer *t, struct tracee *thread, enum pmt_origin origin);

/* The images go on, but not their recording. */
void life_stop_recording(struct ptracer *t);

void life_birth(struct ptracer *t, struct tracee *creator, int event);
void life_welcome(struct ptracer *t, struct tracee *thread); /* its first stop */
void life_exec(struct ptracer *t, pid_t pid);
void life_leaving(struct ptracer *t, struct tracee *thread);
void life_ended(struct ptracer *t, struct tracee *thread, int status);
