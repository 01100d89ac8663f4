/* A record of how much of each region is in memory. */
#pragma once

#include "runner/ptrace/recorder.h"
#include "schemas/resident.h"

void resident_record(struct recorder *r, const struct tracee *thread, enum pmt_moment moment,
                     const char *label);
