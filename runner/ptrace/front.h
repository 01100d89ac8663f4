/* The process that the user has started, while another one traces.
 *
 * A seccomp filter is inherited by all children of the program and cannot be taken off again; where
 * its tracer is gone, the calls that it stops fail with ENOSYS. So children that nobody wants to
 * see must still have a tracer for as long as they live, which may be longer than the program does:
 * the tracer stays, in the background, and the tool ends when the program has ended.
 *
 * A process that ran before has breakpoints in its code, which would kill it if the tracer were not
 * there to remove them: so it is the front that is killed, and the tracer lets go of the process. A
 * program that was started ends with the tool, as it could not go on under its filter. */
#pragma once

#include <stdbool.h>

struct front {
    int report; /* the tracer's end of a pipe */
};

/* `running`: the program is not ours. Returns twice: true in the process that is to trace. In the
 * other one it returns false when the tracer has called front_end(), with its *status (of the
 * program, as waitpid(2) gives it) and *own (the exit status of the tool if it is not to be the
 * program's, else -1). */
bool front_fork(struct front *front, bool running, int *status, int *own);

/* In the tracer of a running program: whoever kills the tool by its name or with its process group,
 * as a shell does, does not mean the tracer. It may write to the terminal. */
void front_step_aside(const struct front *front);

/* In the tracer: the front may end now. */
void front_end(struct front *front, int status, int own);
