/* Why the allocator changes the map: what of glibc's malloc shows in the system calls that it makes
 * and in the block that it gives. */
#pragma once

#include "runner/model/image.h"

struct reason reasons_malloc(const struct image *image, const struct change *change);
