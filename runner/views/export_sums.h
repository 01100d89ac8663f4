/* What exports tell of an image: bytes by the call stack that asked for them, now, all together,
 * and when most were in use; and how much was in use over time. */
#pragma once

#include "runner/model/view.h"

struct export_sum {
    uint64_t live, live_blocks;   /* now */
    uint64_t total, total_blocks; /* ever asked for */
    uint64_t peak, peak_blocks;   /* at the peak */
    uint64_t growth;              /* bytes by which the map grew */
};

struct export_moment {
    uint64_t t_ns, live;
    uint64_t extra; /* headers and rounding */
    uint64_t stack; /* the main one's region */
    uint64_t moved; /* bytes given and taken until then */
};

#define EXPORT_MOMENTS 100u

struct export_sums {
    struct export_sum *items; /* by stack id: sparse */
    size_t room;
    struct export_moment now, peak;
    struct export_moment moments[EXPORT_MOMENTS]; /* ascending */
    size_t moment_count;
    uint64_t every_ns; /* between two moments at least */
};

/* Before the model has taken an allocator's call in. */
void export_sums_call(struct export_sums *sums, const struct model *m, const struct event *event);
/* Behind a look at the map. */
void export_sums_look(struct export_sums *sums, const struct model *m);
void export_sums_change(struct export_sums *sums, const struct model *m,
                        const struct change *change);
void export_sums_end(struct export_sums *sums, uint64_t t_ns);
void export_sums_free(struct export_sums *sums);
