/* Records are untrusted input: the traced program may overwrite the ring, a recorded trace may come
 * from anywhere. What passes here can be read by its structs without a further check of any
 * length. */
#pragma once

#include "schemas/record.h"
#include <stdbool.h>
#include <stddef.h>

/* Whether the bytes at `r` are a well-formed record. `size`: bytes that may be read there; the
 * record may be shorter. `r` is aligned to PMT_RECORD_ALIGN. `stamp` is not looked at.
 *
 * The answer holds as long as the bytes do not change: copy a record out of shared memory first.
 *
 * Checked are: sizes and all inner lengths, the ranges of type, call, reason and loss, error
 * numbers, and that the regions of a snapshot are page-aligned, not empty, ascending, do not
 * overlap, and touch the window. Not checked is whether addresses, ids and results make sense. */
bool record_valid(const struct pmt_record *r, size_t size);
