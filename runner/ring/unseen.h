/* Code that the shim does not see: system calls that change the map and are made past libc. Each
 * file with code is looked through once, when it is in the map. */
#pragma once

#include "runner/model/model.h"

struct unseen {
    struct names known; /* paths that have been looked at */
};

/* Behind the event of a look at the map, which it is. */
void unseen_look(struct unseen *unseen, struct model *model, const struct event *event);
void unseen_free(struct unseen *unseen);
