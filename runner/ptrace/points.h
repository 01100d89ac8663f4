/* Breakpoints in the program's own code, for --where and --resident: they go when they have been
 * hit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* It stands, or has stood: another thread may have hit it just then. */
struct point {
    uint64_t address;
    unsigned users; /* who wait for it; 0: the byte is back */
    uint8_t code;
};

struct space;

struct points {
    const struct space *space; /* that they are in; NULL: there are none */
    struct point *items;       /* by address */
    size_t count, room;
};

struct space;

const struct point *points_find(const struct points *p, uint64_t address);

/* In the memory of a stopped thread. False: that is not possible. */
bool points_set(struct points *p, pid_t tid, uint64_t address);

/* One of those who wait for it does not any more. */
void points_release(struct points *p, pid_t tid, uint64_t address);

/* Into this memory, or a copy of it; they stay known. */
void points_put_back(const struct points *p, pid_t tid);
void points_free(struct points *p);
