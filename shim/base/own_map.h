/* The map of this process, as the kernel tells it. */
#pragma once

#include "schemas/maps.h"
#include "shim/base/lock.h"

extern struct lock own_map_lock; /* of own_map_find() */

bool own_map_init(bool text);
bool own_map_by_query(void);

/* False: no descriptor is left, for example. */
bool own_map_open(struct maps *maps);
void own_map_close(struct maps *maps);

/* The region that contains `address`. */
bool own_map_find(uint64_t address, uint64_t *low, uint64_t *high);

/* The last gap before the region that contains `address`, of which no more than `reach` below it
 * counts; empty where there is none. */
bool own_map_gap(uint64_t address, uint64_t reach, uint64_t *low, uint64_t *high);

/* maps_segment_end(); `address` if the map cannot be looked at. */
uint64_t own_map_segment_end(uint64_t address);
