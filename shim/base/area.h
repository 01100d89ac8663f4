/* The shim's own memory. It is never the program's heap, and never private anonymous memory, which
 * the kernel would merge with the program's neighbouring regions: it is in memfds, whose name shows
 * the owner; one at the start, more with need. (As a part of the library's data it would be no
 * region of its own, and move the libraries behind it, which are where they are without us.) */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AREA_NAME "procmap-trace-private"

bool area_init(void);

/* The .bss of a shared library of ours, which is mapped at `library`, is private anonymous memory:
 * a flag that the program's regions do not have keeps the kernel from merging the two. */
void area_set_apart(const void *library);

/* Zeroed, page-aligned, never given back. NULL when there is no more. */
void *area_get(size_t size);
size_t area_left(void); /* for area_get(), as far as it may grow */

/* Takes `size` of what is left of `room`, from `*at` on; false if that is not enough. */
bool area_reserve(size_t *used, size_t room, size_t size, size_t *at);

/* Whether area_get() gave it. */
bool area_owns(const void *address);
