/* How many bytes of each region are in memory: what has been touched, of what is mapped. Of the
 * runner, by /proc/PID/smaps. */
#pragma once

#include "schemas/record.h"

#define PMT_MOMENTS(X)                                                                             \
    X(START, "start")   /* of the image */                                                         \
    X(BEFORE, "before") /* `label`: a call of the function, or the line */                         \
    X(AFTER, "after")   /* likewise: the function returns, the next line begins */                 \
    X(EXIT, "exit")     /* the end of the process */

#define PMT_MOMENT(name, text) PMT_MOMENT_##name,
enum pmt_moment { PMT_MOMENTS(PMT_MOMENT) PMT_MOMENT_COUNT };

struct pmt_resident_region {
    uint64_t start, end;
    uint64_t resident; /* bytes in memory, Rss of proc(5) */
    uint64_t swapped;  /* Swap */
};

struct pmt_resident {
    struct pmt_record r; /* call: enum pmt_moment */
    uint32_t regions;    /* behind this struct, ascending */
    uint32_t label_size; /* the text behind them */
};
#define PMT_LABEL_MAX 200u

_Static_assert(sizeof(struct pmt_resident) == 32, "resident record");
_Static_assert(sizeof(struct pmt_resident_region) == 32, "resident region");
