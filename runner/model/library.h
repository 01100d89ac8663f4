/* A library that came or went, told before the changes of its regions. */
#pragma once

#include "runner/model/changes.h"

struct library {
    const char *path;
    bool loaded;                 /* else unloaded */
    struct region_list regions;  /* with the .bss behind them, by ascending address */
    const struct change *change; /* of its first region: cause, time and thread are its */
};

const char *library_name(const struct library *library); /* of the file */
uint64_t library_size(const struct library *library);

/* Whether a region of a library came or went. */
bool library_has(const struct change *change);

/* What came or went with the library of change `first`: these changes get its path. Its `regions`
 * are to be freed. */
struct library library_collect(struct change_list *changes, size_t first);

/* What has come by `change` and others after it, and lies in the map in [lo, hi). Likewise. */
struct library library_in(const struct regions *map, uint64_t lo, uint64_t hi,
                          const struct change *change);
