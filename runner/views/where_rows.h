/* What --where tells of one variable or function, kept until the image ends. */
#pragma once

#include "runner/model/view.h"
#include "schemas/variable.h"

struct where_row {
    struct pmt_variable raw;            /* without its strings: */
    const char *name, *type, *function; /* bytes of the program; likewise `value` */
    const char *value;                  /* "" where there is none */
    const char *in;                     /* the kinds of the regions that it is in; or why in none */
    const char *target;                 /* what it points to; "" */
};

struct where_rows {
    struct where_row *items;
    size_t count, room;
};

/* `names`: only these, or their functions', with commas between; or NULL. */
void where_rows_add(struct where_rows *rows, const struct model *m, const struct pmt_variable *v,
                    const char *names);
void where_rows_free(struct where_rows *rows);
