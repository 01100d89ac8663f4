/* Reads the map of this process from the kernel: region by region, in ascending order. */
#ifndef PMT_MAPS_H
#define PMT_MAPS_H

#include "schemas/record.h"
#include <stdbool.h>

struct maps {
    int fd;
    int error;  /* errno of the failure that ended it, else 0 */
    bool query; /* by PROCMAP_QUERY, else by text */
    bool have;  /* text: `region` and `path` are read ahead */
    uint32_t text_at, text_end;
    struct pmt_region region;
    char path[PMT_PATH_MAX];
    char text[8192];
};

/* Whether this kernel answers PROCMAP_QUERY (Linux 6.11). */
bool maps_can_query(void);

/* Once, before the first look by query: what the kernel tells in the text only. */
void maps_learn_gate(struct maps *maps);

bool maps_open(struct maps *maps, bool query);
void maps_close(struct maps *maps);

/* The same with an open /proc/PID/maps whose position is its beginning: the runner keeps one for
 * each program that it traces. */
bool maps_fd_can_query(int fd);
void maps_start(struct maps *maps, int fd, bool query);

/* The first region that ends above `address`, in maps->region and maps->path. The addresses of
 * successive calls must not fall. False at the end of the map or on failure. */
bool maps_next(struct maps *maps, uint64_t address);

#endif
