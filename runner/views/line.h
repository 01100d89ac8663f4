/* The lines of the timeline: columns, colours, wrapping. */
#pragma once

#include "runner/model/view.h"
#include <stdio.h>

#define LINE_INDENT 14 /* where everything behind the time begins */

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GREEN, STYLE_RED, STYLE_YELLOW, STYLE_BLUE };

struct lines {
    FILE *out;
    bool color;
    unsigned width;
    unsigned address_width; /* hexadecimal digits */
    /* "[1235 gcc] ", of the process that a line with a time is about; "" while there is only one */
    char tag[96];
    unsigned tag_width;
    unsigned column; /* where the text of the line begins */
};

void line_style(const struct lines *l, enum style style);
void line_end(const struct lines *l); /* of the style, too */

/* "  0.184 ms  ", or as many blanks. */
void line_time(struct lines *l, uint64_t t_ns); /* and the tag */
void line_indent(struct lines *l);

/* The tag from now on. `name`: bytes of the program. NULL: none. */
void line_set_tag(struct lines *l, uint32_t pid, const char *name);

/* `text`, wrapped between words; the caller has written the indent of the first line. */
void line_wrap(struct lines *l, const char *text, enum style style);

/* `left` (as it is) and behind it, or on the next line if there is no room, the caller
 * (escaped). */
void line_call(struct lines *l, const char *left, const char *caller);

/* "56555000-56556000 r--p     4K  rodata        map3" and the end of the line. `note` is put in
 * front of the name, "" if there is none. */
void line_region(struct lines *l, const struct region *r, const char *note);
/* Several of them in one line: "f7cfc000-f7f24000       2208K 6 regions    libc.so.6". `name`:
 * where the first one has none that is to be shown, else "". */
void line_regions(struct lines *l, const struct region *first, const struct region *last,
                  size_t count, uint64_t bytes, const char *name);
void line_region_titles(struct lines *l);
