#include "runner/model/threshold_moves.h"
#include "schemas/glibc.h"
#include <malloc.h>

static bool set(struct image *image, uint64_t mmap, uint64_t trim)
{
    const struct thresholds was = image->thresholds;
    image->thresholds = (struct thresholds){mmap, trim};
    return was.mmap != mmap || was.trim != trim;
}

/* glibc, malloc/malloc.c, __libc_free(): giving back a block with a region of its own raises the
 * threshold to its size, unless the user has set one. */
bool threshold_moves_by_free(struct image *image, uint64_t chunk)
{
    uint64_t size = glibc_chunk_size(chunk);
    if (!image->dynamic_threshold || !(chunk & PMT_CHUNK_MMAPPED) ||
        size <= image->thresholds.mmap || size > image->mmap_threshold_max)
        return false;
    return set(image, size, 2 * size);
}

/* glibc, malloc/malloc.c, do_set_mmap_threshold() and its kin: from then on they stay. */
bool threshold_moves_by_mallopt(struct image *image, const struct pmt_mallopt *call)
{
    const struct thresholds was = image->thresholds;
    const uint64_t value = image->word_size == 4 ? (uint32_t)call->value : (uint64_t)call->value;
    if (!was.mmap || call->result != 1)
        return false;
    switch (call->param) {
    case M_MMAP_THRESHOLD:
        image->dynamic_threshold = false;
        return set(image, value, was.trim);
    case M_TRIM_THRESHOLD:
        image->dynamic_threshold = false;
        return set(image, was.mmap, value);
    case M_TOP_PAD:
    case M_MMAP_MAX:
        image->dynamic_threshold = false;
    }
    return false;
}
