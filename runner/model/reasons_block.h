/* Why an allocator call of glibc gave just this block, or none, and what became of the old one.
 * Of malloc/malloc.c: _int_malloc(), _int_realloc(), sysmalloc(). */
#pragma once

#include "runner/model/image.h"

/* Of the call in hand, which is not taken into the account yet. `changes`: how many changes of the
 * map it has made. REASON_NONE: no more is known. */
struct reason reasons_block(const struct image *image, const struct event *event, unsigned changes);
