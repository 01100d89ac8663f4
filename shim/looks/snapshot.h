/* Records of how the map is now. Called with map_lock held and signals blocked. */
#pragma once

#include "schemas/mapcalls.h"
#include "shim/base/lock.h"
#include <stdbool.h>
#include <stdint.h>

extern struct lock map_lock; /* from before a change of the map until after its snapshot */

bool snapshot_init(void);

/* After a system call: the map around one or two ranges of addresses, in ascending order, with the
 * neighbours, where merges and splits show; and the main thread's stack, if it has grown
 * meanwhile. */
void snapshot_ranges(const struct mapcalls_range *ranges, unsigned count, uint32_t stack_id);

void snapshot_whole(enum pmt_reason reason, uint32_t stack_id);

/* The main thread's stack, if it has grown. */
void snapshot_stack(uint32_t stack_id);
