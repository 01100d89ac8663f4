/* Why the dynamic loader changes the map, where it is seen call by call. */
#pragma once

#include "runner/model/changes.h"

/* Of a system call that the loader made; REASON_NONE: nothing that only a loader does. */
enum reason_code reasons_loader(const struct change *change);
