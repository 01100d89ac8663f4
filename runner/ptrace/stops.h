/* What the stop of a thread means. */
#pragma once

#include "runner/ptrace/ptracer.h"

/* What waitpid(2) has said of a thread: the thread if it has stopped, which is only noted; NULL if
 * it has ended. */
struct tracee *stops_note(struct ptracer *t, pid_t tid, int status);

/* Does what the noted stop of a thread asks for. */
void stops_act(struct ptracer *t, struct tracee *thread);

/* Both. */
void stops_handle(struct ptracer *t, pid_t tid, int status);
