/* What the parts of the timeline share: timeline.c tells calls and whatever needs one line,
 * timeline_start.c how an image begins, timeline_change.c what becomes of its map, timeline_end.c
 * how it ends. */
#ifndef PMT_TIMELINE_PARTS_H
#define PMT_TIMELINE_PARTS_H

#include "runner/model/model.h"
#include "runner/model/totals.h"
#include "runner/views/timeline_line.h"

#define CALLER_SIZE 512

/* The ledger before the calls that were not shown since the last line; while there are such calls
 * the model does not even tell them (view.skips_calls). */
struct folded {
    uint64_t allocations, frees, bytes;
    uint64_t from; /* t_ns of the first */
};

/* What is remembered of an image. */
struct shown {
    char *name; /* of its program, without directories */
    unsigned in_a_row;
    struct folded folded;
    struct totals at_start;
    uint64_t threshold; /* as last told */
    struct change held; /* the stack of a child, until it is unmapped again */
    bool is_held;
    char *exec_path; /* an exec of which is not known yet how it went, at exec_ns */
    uint64_t exec_ns;
};

struct timeline {
    struct view view;
    struct lines lines;
    bool all;
    unsigned in_all;
    struct shown *shown; /* of the image in hand */
    /* the last header */
    uint32_t last_image;  /* whose it is */
    uint64_t last_call;   /* cause.seq of its call */
    uint64_t last_kernel; /* cause.kernel_seq likewise */
    bool last_is_change;  /* these are then its: */
    struct cause last;
    uint32_t last_tid;
    char last_why[256];
    /* where all of it goes to */
    int fd;
    void (*before_write)(void);
    int error; /* of the first write that failed; there is no other after it */
    char buffer[64u << 10];
};

/* timeline.c */
void timeline_enter(struct timeline *t, const struct model *m); /* begins with each event */
void timeline_time(struct timeline *t, const struct model *m, uint64_t t_ns); /* begins a header */
void timeline_indented(struct timeline *t, const char *text, enum style style);
void timeline_call(struct timeline *t, const struct model *m, uint64_t t_ns, const char *left,
                   uint32_t stack_id);
/* What was held back or folded comes before whatever is written now. */
void timeline_catch_up(struct timeline *t, const struct model *m);
void timeline_folded(struct timeline *t, const struct model *m, const struct ledger *now);
void timeline_exec(struct timeline *t, const struct model *m, int error); /* the one held back */

/* timeline_start.c */
void timeline_process(struct timeline *t, const struct model *m, const struct event *event);
void timeline_snapshot(struct timeline *t, const struct model *m, const struct event *event);

/* timeline_change.c */
void timeline_change(struct view *view, const struct model *m, const struct change *change,
                     uint64_t seq);
void timeline_library(struct view *view, const struct model *m, const struct library *library,
                      uint64_t seq);
void timeline_held(struct timeline *t, const struct model *m); /* the stack held back */

/* timeline_end.c */
void timeline_exit(struct timeline *t, const struct model *m, const struct event *event);

#endif
