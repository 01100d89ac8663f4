/* The story of the map as it is being told: what all parts of the timeline remember, and write
 * with. */
#pragma once

#include "runner/model/view.h"
#include "runner/views/line.h"
#include "runner/views/output.h"

#define FAILED_CALLS 4u

/* runner/views/timeline_failed.h; of one thread, in the order of their numbers. */
struct failed_calls {
    unsigned count;
    uint32_t tid, stack_id;
    uint64_t t_ns;    /* of the last one, as stack_id */
    uint64_t of_call; /* event of the call that they are of; 0: it has not come yet */
    struct failed_call {
        uint64_t seq;
        char text[120];
    } calls[FAILED_CALLS];
    char end[500]; /* what became of the call after its changes; "": it did not fail */
};

/* What a reader knows from the first changes is not told again: a reason without and with
 * numbers. */
#define WHY_OFTEN 2u
#define WHY_OFTEN_WITH_NUMBERS 4u

/* What is remembered of an image. */
struct shown {
    struct folds *folds;  /* NULL: none yet */
    struct ledger before; /* if it has: before the call whose changes come */
    bool has_before;
    struct totals at_start;
    uint64_t threshold;   /* as last told */
    bool threshold_moved; /* by the call of this number; not told yet */
    uint64_t threshold_seq;
    struct change held; /* the stack of a child, until it is unmapped again */
    bool is_held;
    bool has_last_words;
    bool has_lines, lacks_lines;          /* calls of the program whose line is known, or not */
    unsigned char why_told[REASON_COUNT]; /* how often, up to WHY_OFTEN */
    struct failed_calls failed;           /* not told yet */
    char *exec_path; /* an exec of which is not known yet how it went, at exec_ns */
    uint64_t exec_ns;
};

struct timeline {
    struct view view;
    struct lines lines;
    unsigned in_all;
    struct shown *shown; /* of the image in hand */
    /* the last header */
    uint32_t last_image;  /* whose it is */
    uint64_t last_call;   /* cause.seq of its call */
    uint64_t last_kernel; /* cause.kernel_seq likewise */
    bool last_is_change;  /* these are then its: */
    struct cause last;
    uint32_t last_tid;
    char last_why[400];
    struct output output; /* where all of it goes to */
    char buffer[64u << 10];
};

/* Whatever is written from now on is about this image: begins with each event. */
void timeline_enter(struct timeline *t, const struct model *m);
void timeline_time(struct timeline *t, const struct model *m, uint64_t t_ns); /* begins a header */
void timeline_indented(struct timeline *t, const char *text, enum style style);
/* A header: the call, and where it was made. */
void timeline_call(struct timeline *t, const struct model *m, uint64_t t_ns, const char *left,
                   uint32_t stack_id);

/* Whether the last header is of this call, an event's number; 0 is none. */
static inline bool timeline_told_last(const struct timeline *t, const struct model *m,
                                      uint64_t call)
{
    return call && call == t->last_call && t->last_image == m->image->number;
}

/* Under a header: the system call that it made. */
void timeline_system_call(struct timeline *t, const char *text);

/* The threshold, if it has moved: under the call that did it, if that was the last one. */
void timeline_threshold(struct timeline *t, const struct model *m);
