/* What --resident tells of one image: mapped and touched bytes, at each moment. */
#pragma once

#include "runner/model/view.h"
#include "schemas/resident.h"

#define RESIDENT_MOMENTS 18u /* start, exit, and two for each name */

struct resident_cell {
    uint64_t mapped, touched;
};

/* A region, or those of one library together. */
struct resident_row {
    uint64_t key; /* address that it is known by again; a library: of its first region */
    enum kind kind;
    const char *name; /* of the file, "" if there is none */
    bool is_library;
    struct resident_cell cells[RESIDENT_MOMENTS];
};

struct resident_rows {
    struct resident_row *items;
    size_t count, room;
    struct {
        enum pmt_moment moment;
        char label[PMT_LABEL_MAX + 1];
    } moments[RESIDENT_MOMENTS];
    size_t moment_count;
};

void resident_rows_add(struct resident_rows *rows, const struct model *m,
                       const struct pmt_resident *resident);
void resident_rows_free(struct resident_rows *rows);
