/* The begin of a process image: what is sent about it first. */
#pragma once

#include "schemas/record.h"
#include "shim/base/state.h"

/* Everything is ready: the first records. */
void image_begin(enum sink sink, enum pmt_origin origin);

/* In a fork child: asks the runner for a ring of its own. `fork_id`: of the parent's fork record, 0
 * if that was not seen. `parent` 0: ask; it may have ended since the fork. Signals must be
 * blocked. */
void image_begin_child(uint32_t fork_id, uint32_t parent);
