/* The frames of a call stack with names, functions that are inlined among them. */
#pragma once

#include "runner/model/view.h"

struct export_frame {
    const char *function; /* without parameters; "map3+0x1234" or an address where it has no name */
    const char *file;     /* of the source, "" */
    unsigned line;
    const char *module; /* "" */
    uint64_t ip;
    bool inlined; /* in the next one */
};

#define EXPORT_FRAMES_MAX (PMT_MAX_FRAMES * (1 + SYMBOL_MAX_INLINED))
#define EXPORT_NAME_SIZE 400u

struct export_frames {
    struct export_frame items[EXPORT_FRAMES_MAX]; /* the innermost one first */
    unsigned count;
    char names[EXPORT_FRAMES_MAX][EXPORT_NAME_SIZE];
};

/* None where the stack is not known. */
void export_frames_of(const struct model *m, uint32_t stack_id, struct export_frames *out);
