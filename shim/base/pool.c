#include "shim/base/pool.h"
#include "shim/base/area.h"
#include <string.h>

#define EARLY_SIZE (16u << 10)
#define MOST_SIZE (1u << 20)
#define MOST_ALIGNMENT 4096u

static unsigned char early[EARLY_SIZE] __attribute__((aligned(16)));
static size_t used[2];
struct pool_range pool_range = {{(uintptr_t)early, 0}, {(uintptr_t)early + EARLY_SIZE, 0}};

bool pool_init(size_t size)
{
    void *more = area_get(size);
    pool_range.low[1] = (uintptr_t)more;
    pool_range.high[1] = more ? pool_range.low[1] + size : 0;
    return more;
}

/* A block is preceded by its size and POOL_MARK. */
void *pool_alloc(size_t size, size_t alignment)
{
    const size_t header = 2 * sizeof(size_t);
    if (alignment < header)
        alignment = header;
    if (size > MOST_SIZE || alignment > MOST_ALIGNMENT)
        return NULL;
    for (int i = 0; i < 2; i++) {
        uintptr_t low = pool_range.low[i], high = pool_range.high[i];
        size_t at, need = (size + header + alignment + 15) & ~(size_t)15;
        if (!area_reserve(&used[i], high - low, need, &at))
            continue;
        uintptr_t block = (low + at + header + alignment - 1) & ~(uintptr_t)(alignment - 1);
        ((size_t *)block)[-2] = size;
        ((size_t *)block)[-1] = POOL_MARK;
        return (void *)block;
    }
    return NULL;
}

size_t pool_size(const void *block)
{
    return ((const size_t *)block)[-2];
}

void *pool_realloc(void *block, size_t size)
{
    void *grown = pool_alloc(size, 0);
    if (grown && block) {
        size_t old = pool_size(block);
        memcpy(grown, block, old < size ? old : size);
    }
    return grown;
}
