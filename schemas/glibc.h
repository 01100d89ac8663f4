/* What both sides know of the malloc of glibc 2.36. */
#pragma once

#include "schemas/record.h"
#include <stdbool.h>

/* ---- the chunk word, pmt_alloc.chunk: malloc/malloc.c, struct malloc_chunk ---- */

/* Where it lies: in front of the block. `word_size` of the process: 4 or 8. */
static inline uint64_t glibc_chunk_at(uint64_t block, unsigned word_size)
{
    return block - word_size;
}

static inline uint64_t glibc_chunk_size(uint64_t chunk)
{
    return chunk & ~(uint64_t)PMT_CHUNK_FLAGS;
}

/* malloc/malloc.c, memsize(): what of a chunk is not the program's. One in use has the next one's
 * prev_size word, too; an mmapped one has no next one. */
static inline uint64_t glibc_chunk_header(uint64_t chunk, unsigned word_size)
{
    return chunk & PMT_CHUNK_MMAPPED ? 2 * word_size : word_size;
}

/* Usable bytes of the block, 0 if not known. */
static inline uint64_t glibc_usable(uint64_t chunk, unsigned word_size)
{
    uint64_t size = glibc_chunk_size(chunk), header = glibc_chunk_header(chunk, word_size);
    return size > header ? size - header : 0;
}

/* The inverse: a chunk word with these flags. False if no block has so many usable bytes. */
static inline bool glibc_chunk_make(uint64_t usable, uint64_t flags, unsigned word_size,
                                    uint64_t *out)
{
    uint64_t size = usable ? usable + glibc_chunk_header(flags, word_size) : 0;
    *out = size | flags;
    return size >= usable && !(size & PMT_CHUNK_FLAGS);
}

/* malloc/malloc.c: MALLOC_ALIGNMENT of both word sizes, MINSIZE. */
#define GLIBC_ALIGNMENT 16u

static inline uint64_t glibc_min_chunk(unsigned word_size)
{
    return 4 * (uint64_t)word_size;
}

/* request2size(): the chunk that malloc makes of a request; UINT64_MAX where there is none. */
static inline uint64_t glibc_request(uint64_t size, unsigned word_size)
{
    uint64_t padded = size + word_size + GLIBC_ALIGNMENT - 1;
    if (padded < size)
        return UINT64_MAX;
    padded &= ~(uint64_t)(GLIBC_ALIGNMENT - 1);
    return padded < glibc_min_chunk(word_size) ? glibc_min_chunk(word_size) : padded;
}

/* malloc/arena.c: HEAP_MAX_SIZE, of an arena's heap, by DEFAULT_MMAP_THRESHOLD_MAX. */
static inline uint64_t glibc_heap_max(uint64_t mmap_threshold_max)
{
    return 2 * mmap_threshold_max;
}

/* ---- thresholds ---- */

/* What turns the moving of the mmap threshold off: malloc/malloc.c, do_set_...(). */
enum glibc_setting {
    GLIBC_MMAP_THRESHOLD,
    GLIBC_TRIM_THRESHOLD,
    GLIBC_TOP_PAD,
    GLIBC_MMAP_MAX,
    GLIBC_SETTINGS
};

struct glibc_settings {
    unsigned word_size; /* of the process; the rest is zero before the first variable */
    bool given[GLIBC_SETTINGS];
    uint64_t value[GLIBC_SETTINGS];
};

/* To be called for each variable of the environment, "NAME=VALUE", in its order: as
 * __tunables_init() reads it (elf/dl-tunables.c). GLIBC_TUNABLES goes before the older variables,
 * of which the first one counts. */
void glibc_read_variable(struct glibc_settings *settings, const char *variable);

/* The value of GLIBC_TUNABLES, NAME=VALUE:NAME=VALUE, of which the last one counts:
 * parse_tunables(). It ends each value that it takes with a NUL, where the variable lies on the
 * stack. */
void glibc_read_tunables(struct glibc_settings *settings, const char *list);

/* malloc/malloc.c: DEFAULT_MMAP_THRESHOLD, DEFAULT_MMAP_THRESHOLD_MAX, DEFAULT_TRIM_THRESHOLD. */
void glibc_set_thresholds(struct pmt_process *process, const struct glibc_settings *settings);
