/* Breakpoints for --where. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* It stands, or has stood: another thread may have hit it just then. */
struct where_point {
    uint64_t address;
    unsigned users; /* who wait for it; 0: the byte is back */
    uint8_t code;
};

struct where_points {
    struct where_point *items; /* by address */
    size_t count, room;
};

const struct where_point *where_points_find(const struct where_points *p, uint64_t address);

/* In the memory of a stopped thread. False: that is not possible. */
bool where_points_set(struct where_points *p, pid_t tid, uint64_t address);

/* One of those who wait for it does not any more. */
void where_points_release(struct where_points *p, pid_t tid, uint64_t address);

/* Into this memory, or a copy of it; they stay known. */
void where_points_put_back(const struct where_points *p, pid_t tid);
void where_points_free(struct where_points *p);
