/* Which kind a region is of. */
#pragma once

#include "runner/model/image.h"

/* The kind of a region that is new in the map of `image`. `cause`: what made it, or NULL at the
 * start. `before`: the region that covered the place until now, or NULL. */
enum kind classify(const struct image *image, const struct region *r, const struct cause *cause,
                   const struct region *before);
