/* One side of a comparison: what is kept of a run. It is about the last image of the first process:
 * of `env X=1 ./map3` that is map3. */
#pragma once

#include "runner/model/view.h"

#define COMPARE_CHANGES 64u

/* Changes that are alike: made by the same call to the same kind of region. */
struct compare_change {
    const char *call, *change; /* names; static text */
    enum kind kind;
    uint64_t count;
    int64_t delta;
};

struct compare_side {
    bool begun, ended;
    char exe[4096]; /* bytes of the program */
    unsigned bits;
    bool pie, is_static, blind, by_ptrace;
    struct totals at_start, at_end;
    struct ledger ledger; /* at the end */
    uint64_t live, live_bytes;
    uint64_t first_threshold, threshold;
    uint64_t largest; /* block; bytes asked for */
    enum { COMPARE_NOWHERE, COMPARE_HEAP, COMPARE_MMAP, COMPARE_ARENA } largest_place;
    struct compare_change changes[COMPARE_CHANGES];
    unsigned change_count;
    uint64_t more_changes; /* of kinds that have no room */
    int64_t stack_grown;   /* the most at once */
    char stack_use[300];   /* who used it then; "": not known */
    char end[60];
};

#define COMPARE_MOST 6u /* sides */

struct compare_column {
    const char *name; /* as the user gave it */
    const struct compare_side *side;
    bool has_sections; /* those of the executable are known: */
    uint64_t file, text, data, bss;
};

/* A view that fills `side`, which must live as long. */
struct view *compare_side_view(struct compare_side *side);
