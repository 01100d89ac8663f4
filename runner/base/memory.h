/* Allocation in the runner: out of memory ends it, with a message. */
#pragma once

#include <stddef.h>

void *memory_get(size_t size); /* zeroed */
void *memory_resize(void *block, size_t size);
char *memory_text(const char *text); /* a copy */
void memory_put(void *block);
