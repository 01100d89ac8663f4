/* What a program says when a signal ends it. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* A signal is about to be delivered to a stopped thread: records it if it is a fatal one that the
 * program has no handler for. */
void last_words(struct ptracer *t, struct tracee *thread, int signal);
