/* The process that reads files for names: libdw and libelf are not made for hostile ones. What
 * becomes of it costs names, nothing else. */
#pragma once

#include <stdbool.h>

#define READER_SECONDS 4u /* for an answer; less than a program waits for room in the ring */

/* Returns a socket: a struct question with its path goes in, a uint32_t with the size of the answer
 * and the answer come out. When it is closed the process ends; -errno on error. It is nobody's
 * child that could be waited for. */
int reader_start(const char *debug_root, bool brief);
