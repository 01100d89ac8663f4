/* C++ names as a programmer writes them: "_ZN3lab4pushEi" is "lab::push(int)". */
#pragma once

#include "runner/base/names.h"

/* Names by what they were demangled from, each done once. {0} is an empty one. */
struct demangled {
    struct names results; /* owns the demangled names */
    struct table known;   /* of struct demangled_name */
};

/* The demangled name, or `name` itself where it is no mangled one, is damaged, or would be absurdly
 * long (names are foreign input, and a few letters can stand for gigabytes). `name` must live as
 * long as `done`; so does the result. */
const char *demangle(struct demangled *done, const char *name);
void demangled_free(struct demangled *done);

/* What a person calls a function: without parameters, result type and long template arguments:
 * "void lab::push<int>(int) [clone .cold]" is "lab::push<int>". Any other name stays as it is.
 * `out` gets at most `size` bytes, with the zero byte. */
void demangle_short(const char *name, char *out, size_t size);
