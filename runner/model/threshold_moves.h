/* What moves glibc's thresholds, which struct thresholds has. True: they are others now. */
#pragma once

#include "runner/model/image.h"

/* Of a block that is given back; `chunk`: pmt_alloc.chunk. */
bool threshold_moves_by_free(struct image *image, uint64_t chunk);
bool threshold_moves_by_mallopt(struct image *image, const struct pmt_mallopt *call);
