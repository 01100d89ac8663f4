/* The word sizes of the images that have not ended. */
#pragma once

#include "runner/replay/state.h"

void word_sizes_set(struct replay *p, uint32_t image, unsigned word_size);
void word_sizes_forget(struct replay *p, uint32_t image);
/* That of the first image where this one has no process event. */
unsigned word_sizes_of(const struct replay *p, uint32_t image);
