/* What the user probably meant, where a command line cannot be carried out. Each writes to `out` a
 * part of a sentence that can follow "; ", of one line, or "" where nothing comes to mind. It may
 * have foreign bytes in it. */
#pragma once

#include "runner/options.h"

/* A file that is not a program: a source, a trace. Whether it is one of these. */
bool hint_file(const char *path, char *out, size_t size);

/* A program, o->arguments[0], that is not found, or may not be executed. */
void hint_program(const struct options *o, char *out, size_t size);

/* A trace that cannot be read. */
void hint_trace(const char *path, char *out, size_t size);
