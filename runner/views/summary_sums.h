/* What is noted of an image for its summary. */
#pragma once

#include "runner/model/view.h"

#define SUMMARY_HEAPS 12u
#define SUMMARY_MOVERS 24u

/* The moment when there was the most of something. */
struct summary_peak {
    uint64_t bytes, t_ns;
    struct cause cause; /* of the change; nothing at START */
};

/* Changes of the map by one call through one system call. */
struct summary_mover {
    const char *call, *kernel; /* names; kernel may be NULL */
    uint64_t count;
};

/* What is noted of an image while it lives. */
struct summary {
    struct totals at_start;
    uint64_t mapped; /* now */
    struct summary_peak most_mapped, most_heap;
    uint64_t heaps[SUMMARY_HEAPS]; /* sizes that the heap had: the first ones ... */
    uint64_t heap, heap_changes;   /* ... its size now, and how many there were */
    uint64_t first_threshold, threshold_moves;
    struct threshold last_move;
    struct summary_mover movers[SUMMARY_MOVERS]; /* the last one: all that have no place */
    unsigned mover_count;
};
