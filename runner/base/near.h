/* Of some words the one that is most like another: what somebody wanted to type. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct near {
    const char *word; /* borrowed */
    char *best;       /* "" so far */
    size_t size;
    unsigned distance; /* of the best one; more than any that counts */
};

void near_begin(struct near *near, const char *word, char *best, size_t size);
bool near_is_closer(const struct near *near, const char *candidate);
void near_take(struct near *near, const char *candidate);
