/* What is noted of an image for --thresholds: sizes against placement, over time. */
#pragma once

#include "runner/model/view.h"

#define THRESHOLDS_CLASSES 48u  /* by powers of two; the last one has all larger ones, too */
#define THRESHOLDS_COLUMNS 128u /* of time */
#define THRESHOLDS_MOVES 200u
#define THRESHOLDS_OTHERS 20u

enum thresholds_place { PLACE_HEAP, PLACE_MMAP, PLACE_ARENA, PLACE_COUNT };

struct thresholds_class {
    uint64_t blocks[PLACE_COUNT];
    unsigned char seen[THRESHOLDS_COLUMNS]; /* a bit for each place */
};

struct thresholds_move {
    uint64_t t_ns, mmap, trim; /* from then on */
    enum pmt_call call;        /* PMT_CALL_FREE; NONE: mallopt(3), or the START */
    uint32_t stack_id;
};

/* A block that lies elsewhere than its size, against the threshold of that moment, says. */
struct thresholds_other {
    uint64_t t_ns, addr, size, threshold;
    enum thresholds_place place;
    enum reason_code code; /* REASON_NONE: not known */
    uint32_t stack_id;
    char why[400];
};

struct thresholds_sums {
    struct thresholds_class classes[THRESHOLDS_CLASSES];
    uint64_t column_ns; /* width of a column: doubles as time goes on */
    struct thresholds_move moves[THRESHOLDS_MOVES];
    uint64_t move_count; /* all of them */
    struct thresholds_other others[THRESHOLDS_OTHERS];
    uint64_t other_count;
    uint64_t last_ns, unknown; /* blocks of which it is not known where they lie */
};

void thresholds_begin(struct thresholds_sums *s, const struct image *image);
void thresholds_note_call(struct thresholds_sums *s, const struct model *m,
                          const struct event *event);
void thresholds_note_move(struct thresholds_sums *s, const struct image *image,
                          const struct threshold *move);

/* Of sizes from 2^n on. */
static inline unsigned thresholds_class(uint64_t size)
{
    unsigned n = size ? 63u - (unsigned)__builtin_clzll(size) : 0;
    return n < THRESHOLDS_CLASSES ? n : THRESHOLDS_CLASSES - 1;
}
