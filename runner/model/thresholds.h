/* What decides in glibc's malloc where a block lies, as it is now: glibc moves it. */
#pragma once

#include <stdint.h>

struct thresholds {
    uint64_t mmap; /* 0: not glibc's malloc */
    uint64_t trim;
};
