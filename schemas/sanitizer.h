/* Programs built with a sanitizer: its runtime, where it is a library, has to be the first in
 * ld.so's list (AddressSanitizer refuses to run else), and so goes before the shim. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SANITIZER_NAME 64u

/* `size` bytes at `offset` of an open file; false: there are not so many. */
typedef bool sanitizer_read(int fd, void *to, unsigned long size, uint64_t offset);

/* The runtime, if it is the library that an ELF file names first; else "". */
void sanitizer_of_program(int fd, sanitizer_read *read_at, char name[SANITIZER_NAME]);

/* What LD_PRELOAD has to have before the shim, in `*length` bytes, 0: nothing. `user` is the user's
 * own list, NULL if there is none: whatever it begins with would have been the first. */
const char *sanitizer_before(const char *user, const char *of_program, size_t *length);
