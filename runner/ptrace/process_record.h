/* The beginning of an image under ptrace: what its process record says, from /proc. */
#pragma once

#include "runner/ptrace/recorder.h"

/* A new image of the thread's process, which is stopped: gives the space its number and records the
 * process and its map. Returns 0, or -errno if its files in /proc cannot be read. */
int process_record_begin(struct recorder *r, struct tracee *thread, enum pmt_origin origin);
