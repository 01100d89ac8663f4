/* The parts of the data of a page, as they grow: JSON. */
#pragma once

#include "runner/model/regions.h"
#include <stdio.h>

/* Text that is collected; `text` and `size` are valid once it is flushed or closed. */
struct html_part {
    FILE *out; /* NULL: no memory */
    char *text;
    size_t size;
    size_t items; /* of a list */
};

bool html_part_open(struct html_part *part);
void html_part_restart(struct html_part *part); /* empty again */
void html_part_free(struct html_part *part);
/* Writes the comma between two items, if there is one to be. */
void html_part_next(struct html_part *part);

/* A string in its quotes; bytes that are not UTF-8 become \xNN. */
void html_bytes(FILE *out, const char *bytes, size_t size);
void html_text(FILE *out, const char *text);
/* What stands in front, and the string: ",\"call\":". */
void html_key_text(FILE *out, const char *key, const char *text);

/* [start, end, "rw-p", offset, "08:01", inode, path, kind, owner, tid]; null where there is none.
 * Addresses of user space are exact as numbers of JavaScript. */
void html_region(FILE *out, const struct region *r);
void html_regions(FILE *out, const struct region_list *list);
