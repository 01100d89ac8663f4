/* What a run is expected to be, in a small language: a demand a line,
 *
 *     NOUN == VALUE        also != < <= > >=
 *
 * with the nouns of demands.c; sizes may end with K, M or G; # begins a comment. */
#pragma once

#include "runner/model/kinds.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum noun {
    NOUN_STATUS,      /* exit.status */
    NOUN_SIGNAL,      /* exit.signal: its number, 0: none */
    NOUN_CHANGES,     /* changes, changes(CALL) */
    NOUN_UNEXPLAINED, /* unexplained */
    NOUN_ALLOCATIONS, /* allocations */
    NOUN_FREES,       /* frees */
    NOUN_UNFREED,     /* unfreed.blocks */
    NOUN_UNFREED_BYTES,
    NOUN_THRESHOLD, /* threshold: of mmap, at the end */
    NOUN_SIZE,      /* KIND.size, map.size: bytes at the end */
    NOUN_REGIONS,   /* KIND.regions, map.regions */
    NOUN_MOST,      /* KIND.most, map.most: bytes at any time */
    NOUN_COUNT,     /* malloc(SIZE).count: calls of the allocator for so many bytes */
    NOUN_PLACEMENT, /* malloc(SIZE).placement: heap, mmap or arena, of all such blocks */
};

enum comparison { IS_EQUAL, IS_NOT, IS_LESS, IS_LESS_EQUAL, IS_MORE, IS_MORE_EQUAL };

enum { PLACEMENT_NONE, PLACEMENT_HEAP, PLACEMENT_MMAP, PLACEMENT_ARENA, PLACEMENT_MIXED };

struct demand {
    char *text;         /* as it was written, without blanks around */
    const char *source; /* file, or NULL: the command line */
    unsigned line;
    enum noun noun;
    enum comparison comparison;
    enum kind kind; /* KIND_COUNT: the whole map */
    unsigned call;  /* of changes: enum pmt_call; 0: any */
    uint64_t size;  /* that was asked for */
    uint64_t value;
};

struct demands {
    struct demand *items;
    size_t count, room;
};

/* Adds those of a file, or the one demand that `text` is. False: `why` (of `size` bytes) says what
 * is wrong, and where. `text` is kept. */
bool demands_add(struct demands *d, const char *text, char *why, size_t size);
void demands_free(struct demands *d);

bool demand_holds(const struct demand *d, uint64_t was);
/* A value as the demand's language has it: "132K", "heap". */
void demand_value(const struct demand *d, uint64_t value, char *out, size_t size);
