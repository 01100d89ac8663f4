/* Records of how the map is now. */
#pragma once

#include "runner/ptrace/recorder.h"

/* Opens the map of a space that begins, by the process `pid`. Returns 0 or -errno. */
int looks_open(struct recorder *r, struct space *space, pid_t pid);

/* Begins a walk of the map, in recorder->maps. */
bool looks_start(struct recorder *r, const struct space *space);

/* After a call: the map around one or two ranges, with their neighbours; and the stack, if it has
 * grown. */
void looks_ranges(struct recorder *r, const struct tracee *thread,
                  const struct mapcalls_range *ranges, unsigned count);
void looks_whole(struct recorder *r, const struct tracee *thread, enum pmt_reason reason,
                 uint32_t stack_id);

/* The end of the regions of one file, the first of which begins at `start`; `start` if none does.
 */
uint64_t looks_file_end(struct recorder *r, struct space *space, uint64_t start);

/* The region that contains `address`, its end; `address` if there is none. */
uint64_t looks_region_end(struct recorder *r, struct space *space, uint64_t address);

/* maps_segment_end(); `address` if the map cannot be looked at. */
uint64_t looks_segment_end(struct recorder *r, struct space *space, uint64_t address);
