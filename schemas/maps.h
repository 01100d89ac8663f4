/* Reads the map of a process from an open /proc/PID/maps: region by region, in ascending order. */
#pragma once

#include "schemas/record.h"
#include <stdbool.h>
#include <stddef.h>

/* read(2) and ioctl(2) of who reads; they return -errno on failure. */
struct maps_io {
    long (*read)(int fd, void *out, size_t size);
    long (*ioctl)(int fd, unsigned long request, void *argument);
};

struct maps {
    const struct maps_io *io;
    int fd;
    int error;    /* errno of the failure that ended it, else 0 */
    bool query;   /* by PROCMAP_QUERY, else by text */
    bool no_gate; /* a query tells nothing of the vsyscall page: the process has 32 bits */
    bool have;    /* text: `region` and `path` are read ahead */
    uint32_t text_at, text_end;
    struct pmt_region region;
    char path[PMT_PATH_MAX];
    char text[8192];
};

/* Whether this kernel answers PROCMAP_QUERY (Linux 6.11). */
bool maps_can_query(const struct maps_io *io, int fd);

/* A walk begins; the position of `fd` is its beginning. -errno in its place is the walk's
 * failure. */
void maps_start(struct maps *maps, const struct maps_io *io, int fd, bool query);

/* Once, by a walk by text of its own, before the first one by query: what the kernel tells of a
 * 64-bit process in the text only. */
void maps_learn_gate(struct maps *maps);

/* The first region that ends above `address`, in maps->region and maps->path. The addresses of
 * successive calls must not fall. False at the end of the map or on failure. */
bool maps_next(struct maps *maps, uint64_t address);

/* In a walk that has just begun: the end of what shmdt(2) of `address` takes away, all that is left
 * of a segment which was attached there. `address` if there is nothing. */
uint64_t maps_segment_end(struct maps *maps, uint64_t address);
