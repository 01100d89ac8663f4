#include "runner/base/array.h"
#include "runner/base/memory.h"

#define FIRST_ROOM 8u

void *array_fit(void *items, size_t count, size_t *room, size_t size)
{
    if (count <= *room)
        return items;
    size_t twice = *room ? 2 * *room : FIRST_ROOM;
    *room = count > twice ? count : twice;
    return memory_resize(items, *room * size);
}
