/* Allocator calls are nearly all of a long trace: their lines are read here, where they look
 * exactly as schemas/encode_record.c writes them. Everything else, and whatever is wrong, is left
 * to the JSON parser: 20 times slower. Both make the same record of the same line. */
#pragma once

#include "runner/replay/state.h"

/* Whether the line is an allocator call as schemas/encode_record.c writes them, and `out` was
 * filled. False is no error: the line is to be read the long way. */
bool alloc_line_read(struct replay *p, const char *line, size_t size, struct event *out);

/* The long way: the record of an event that the JSON parser has read. */
void alloc_line_build(struct replay *p, const json_t *event);
