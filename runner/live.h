/* A running program as a source of events. */
#ifndef PMT_LIVE_H
#define PMT_LIVE_H

#include "launch.h"
#include "model.h"

struct live_result {
    bool attached; /* the shim came alive in the program ... */
    bool started;  /* ... and its first record arrived */
    int status;    /* as waitpid(2) gives it */
};

/* Starts the program and feeds its events to the model until it has ended.
 * Returns 0, or -errno if it could not be started (`*executing` as in launch_program()). */
int live_trace(struct launch *launch, struct model *model, struct live_result *result,
               bool *executing);

#endif
