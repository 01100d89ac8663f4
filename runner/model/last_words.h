/* What lies, or lay, at the address that a fatal signal is about. */
#pragma once

#include "runner/model/image.h"
#include "schemas/fatal.h"

enum place_kind {
    PLACE_NONE,        /* there is no address */
    PLACE_REGION,      /* a region, which does not permit it */
    PLACE_FILE_END,    /* a region of a file, which ends before */
    PLACE_NULL,        /* the first pages, where nothing can be mapped: a null pointer */
    PLACE_STACK_LIMIT, /* below the main stack, which must not become so large */
    PLACE_REMOVED,     /* nothing any more */
    PLACE_BEHIND,      /* nothing, a little behind a region */
    PLACE_BELOW,       /* likewise, below one */
    PLACE_NOWHERE
};
const char *place_name(enum place_kind kind);

struct place {
    enum place_kind kind;
    const struct region *region; /* or NULL; REMOVED: as it was */
    uint64_t distance; /* REGION, FILE_END, REMOVED: from its start; NULL: from 0; BEHIND, BELOW:
                        * from its end or start; STACK_LIMIT: the size that it would need */
    const struct grave *grave;      /* REMOVED */
    const struct allocation *block; /* that the program holds, and the last one that begins at or
                                     * below the address in the same region; or NULL */
};

/* glibc ends the program as it frees a block again: the block as it was freed before. NULL: it is
 * not so, or not known. */
const struct freed_block *last_words_freed_before(struct image *image,
                                                  const struct pmt_fatal *fatal);

struct place last_words_place(const struct image *image, const struct pmt_fatal *fatal);
