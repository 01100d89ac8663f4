/* Where a view writes to, and how. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct output {
    int fd; /* owned */
    bool color;
    unsigned width;             /* columns of the terminal, or of what else there is */
    bool resized;               /* it is a terminal, whose width may change */
    bool yields;                /* what is written waits while a program has the terminal */
    int held;                   /* descriptor of an unlinked file of what waits, or 0 */
    size_t held_bytes;          /* in there */
    bool all;                   /* procmap-trace's own regions too, and every allocation */
    bool answers;               /* of --quiz, too */
    bool json;                  /* for programs, of a view that has both */
    unsigned long *lines;       /* counts those that are written; NULL: nobody wants to know */
    bool if_long;               /* the summary: only if these are more than fit on some screens */
    bool ascii;                 /* what is drawn, too */
    const char *names;          /* --where: of these only, with commas between; or NULL */
    bool no_source;             /* a page: not the text of the program's source files */
    void (*before_write)(void); /* or NULL */
    int error; /* -errno of the first write that failed; there is no other after it */
};

/* The columns that there are now, of a terminal. */
unsigned output_width(const struct output *out);
void output_write(struct output *out, const char *bytes, size_t size);
int output_close(struct output *out); /* 0, or the error */
