/* The process that the user has started, while another one traces.
 *
 * A seccomp filter is inherited by all children of the program and cannot be taken off again; where
 * its tracer is gone, the calls that it stops fail with ENOSYS. So children that nobody wants to
 * see must still have a tracer for as long as they live, which may be longer than the program does:
 * the tracer stays, in the background, and the tool ends when the program has ended. */
#pragma once

#include <stdbool.h>

struct front {
    int report; /* the tracer's end of a pipe */
};

/* Returns twice: true in the process that is to trace. In the other one it returns false when the
 * tracer has called front_end(), with its *status (of the program, as waitpid(2) gives it)
 * and *own (the exit status of the tool if it is not to be the program's, else -1). */
bool front_fork(struct front *front, int *status, int *own);

/* In the tracer: the front may end now. */
void front_end(struct front *front, int status, int own);
