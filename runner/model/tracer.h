/* Which memory of an image is procmap-trace's own, not the program's. */
#pragma once

#include "runner/model/regions.h"

/* A file in the map that only procmap-trace has loaded. */
struct tracer_file {
    uint64_t inode;
    uint32_t dev_major, dev_minor;
};

struct tracer_files {
    struct tracer_file *items;
    size_t count, room;
};

struct tracer {
    uint64_t places[3]; /* pmt_process.tracer */
    struct tracer_files files;
};

void tracer_files_copy(struct tracer_files *to, const struct tracer_files *from);
void tracer_files_free(struct tracer_files *files);

/* The first look: the shim itself and its output are the files that are mapped at the places. */
void tracer_start(struct tracer *t, const struct regions *map);

/* Whether a new region is procmap-trace's own: by its name, by its place, because it is
 * of one of the files, or because the look that shows it is for `reason` (enum pmt_reason). */
bool tracer_owns(const struct tracer *t, const struct region *r, unsigned reason);
bool tracer_names(const struct region *r); /* by its name alone, whatever was there before */

/* Its file is one of procmap-trace's from now on. */
void tracer_add(struct tracer *t, const struct region *r);
