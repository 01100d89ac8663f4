#include "breakpoints.h"
#include "memory.h"

void breakpoints_free(struct breakpoints *b)
{
    memory_put(b->items);
    *b = (struct breakpoints){0};
}
