/* A running program as a source of events. */
#pragma once

#include "runner/model/model.h"
#include "runner/program/launch.h"

struct live_result {
    bool loaded;      /* the shim came alive in the program ... */
    bool started;     /* ... and its first record arrived */
    bool overwritten; /* the program has written into a ring */
    int status;       /* as waitpid(2) gives it */
};

/* Starts the program and feeds its events to the model until it has ended, and with launch->follow
 * all its children. Calls waiting() when the program has ended and `count` processes that are
 * followed go on, of which `pid` is one; 0: there is a child that nothing has been heard of.
 * Returns 0, or -errno if it could not be started (`*executing` as in launch_program()). */
int live_trace(struct launch *launch, struct model *model, void (*waiting)(size_t count, pid_t pid),
               struct live_result *result, bool *executing);
