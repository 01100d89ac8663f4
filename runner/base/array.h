/* Arrays that grow: a pointer to the elements, how many there are, and how many there is room for;
 * all three are 0 at first. */
#pragma once

#include <stddef.h>

/* `items` with room for `count` elements of `size` bytes: as they are, or moved to where there is
 * at least twice the room. */
void *array_fit(void *items, size_t count, size_t *room, size_t size);

/* Adds an element, whose bytes are not set: a pointer to it. Arguments are evaluated repeatedly. */
#define array_add(items, count, room)                                                              \
    ((items) = array_fit((items), (count) + 1, &(room), sizeof *(items)), &(items)[(count)++])

/* The first place `at` of `count` where the condition holds, which holds at all that follow;
 * `count` if it holds at none. By halves. */
#define array_first(at, count, condition)                                                          \
    ({                                                                                             \
        size_t low_ = 0, high_ = (count);                                                          \
        while (low_ < high_) {                                                                     \
            size_t at = low_ + (high_ - low_) / 2;                                                 \
            if (condition)                                                                         \
                high_ = at;                                                                        \
            else                                                                                   \
                low_ = at + 1;                                                                     \
        }                                                                                          \
        low_;                                                                                      \
    })
