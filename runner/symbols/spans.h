/* Which of many address ranges, nested or overlapping, contains an address: the innermost. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SPANS_NONE UINT32_MAX

/* Filled by spans_add(), closed by spans_close(), then searched. {0} is an empty one. */
struct spans {
    struct span {
        uint64_t start, end; /* exclusive */
        uint64_t rank;       /* of two with the same start and end the higher one is inside */
        uint32_t value;
    } * items; /* until closed */
    size_t count, room;
    struct piece {
        uint64_t start; /* reaches up to the next piece */
        uint32_t value; /* or SPANS_NONE */
    } * pieces;
    size_t pieces_count;
};

/* An empty range is left out. */
void spans_add(struct spans *spans, struct span span);
/* O(n log n); afterwards the pieces do not overlap, and nothing can be added. */
void spans_close(struct spans *spans);
/* The value of the innermost range that contains `address`, or SPANS_NONE. O(log n). */
uint32_t spans_find(const struct spans *spans, uint64_t address);
void spans_free(struct spans *spans);
