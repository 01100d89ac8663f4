/* Records of how the map is now. All but snapshot_pay_attention() are called with map_lock held and
 * signals blocked, and save and restore nothing else. */
#ifndef PMT_SNAPSHOT_H
#define PMT_SNAPSHOT_H

#include "schemas/record.h"
#include "shim/base/lock.h"
#include <stdbool.h>
#include <stdint.h>

extern struct lock find_lock; /* of snapshot_find_region() */
extern struct lock map_lock;  /* from before a change of the map until after its snapshot */

bool snapshot_init(bool text);
bool snapshot_by_query(void);

struct range {
    uint64_t lo, hi;
};

/* After a system call: the map around one or two ranges of addresses, in ascending order, with the
 * neighbours, where merges and splits show; and the main thread's stack, if it has grown
 * meanwhile. */
void snapshot_ranges(const struct range *ranges, unsigned count, uint32_t stack_id);

void snapshot_whole(enum pmt_reason reason, uint32_t stack_id);

/* The region that contains `address`, its end; `address` if there is none. */
uint64_t snapshot_region_end(uint64_t address);

/* After a call that may have changed the map, where system calls are not seen. */
void snapshot_after_call(uintptr_t caller);

/* At any event of any thread: what live->attention asks for, and the stack if it has grown. */
void snapshot_pay_attention(uintptr_t caller);

/* The region that contains `address`; needs no map_lock. */
bool snapshot_find_region(uint64_t address, uint64_t *low, uint64_t *high);

#endif
