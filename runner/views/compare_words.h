/* What a comparison says in words. */
#pragma once

#include "runner/views/compare_side.h"
#include "runner/views/line.h"

void compare_words(struct lines *l, const struct compare_column *columns, unsigned count);
