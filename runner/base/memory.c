#include "runner/base/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *block)
{
    if (block)
        return block;
    fputs("procmap-trace: out of memory; the program goes on without being traced\n", stderr);
    exit(125);
}

void *memory_get(size_t size)
{
    return check(calloc(1, size ? size : 1));
}

void *memory_resize(void *block, size_t size)
{
    return check(realloc(block, size ? size : 1));
}

char *memory_text(const char *text)
{
    return check(strdup(text));
}

void memory_put(void *block)
{
    free(block);
}
