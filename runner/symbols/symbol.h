/* What is known about a place in code. Strings are borrowed, each may be NULL; they come from
 * foreign files: escape them before they reach a screen. */
#pragma once

#include "runner/base/text.h"
#include <stdint.h>

#define SYMBOL_MAX_INLINED 32u

struct symbol_place {
    const char *function; /* as in the source, of C++ with its parameters */
    const char *file;     /* source file as in the debug information, mostly with directories */
    unsigned line;        /* from 1; 0 if unknown */
};

/* The innermost function whose code is at the address, and where in its source. If the compiler
 * has put that function into another one: that one and the line of the call, and so on, the last
 * one being the function that is called as such. */
struct symbol {
    const char *function;
    const char *file;
    unsigned line;
    unsigned inlined; /* number of elements of inlined_into, at most SYMBOL_MAX_INLINED */
    const struct symbol_place *inlined_into;
};

/* Whether a source file is a header of the system: what the C++ library has there becomes code of
 * the program, but nobody wrote it there. `file` may be NULL. */
static inline bool symbol_of_header(const char *file)
{
    return file && (text_starts(file, "/usr/include/") || text_starts(file, "/usr/lib/") ||
                    strstr(file, "/include/c++/"));
}

/* Whether a file is the system's, not somebody's own. */
static inline bool symbol_of_system(const char *path)
{
    return text_starts(path, "/lib") || text_starts(path, "/usr/lib");
}
