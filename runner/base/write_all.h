/* Writing to whatever a descriptor is: a file, a pipe, a terminal, also one that does not block. */
#pragma once

#include <stddef.h>

/* Like write(2), but all of it. Returns 0 or -errno. */
int write_all(int fd, const char *bytes, size_t size);
