#include "runner/model/callers.h"
#include "runner/base/memory.h"
#include <string.h>

struct callers *callers_new(void)
{
    return memory_get(sizeof(struct callers));
}

void callers_free(struct callers *c)
{
    if (c)
        memory_put(c->items);
    memory_put(c);
}

struct caller_sum *callers_sum(struct callers *c, uint32_t stack_id)
{
    if (stack_id >= c->room) {
        size_t room = (size_t)stack_id + stack_id / 2 + 64;
        struct caller_sum *items = memory_get(room * sizeof *items);
        if (c->room)
            memcpy(items, c->items, c->room * sizeof *items);
        memory_put(c->items);
        c->items = items;
        c->room = room;
    }
    return &c->items[stack_id];
}

void callers_block(struct callers *c, const struct allocation *block, uint64_t live)
{
    struct caller_sum *sum = callers_sum(c, block->stack_id);
    sum->calls++;
    sum->bytes += block->size;
    if (block->chunk)
        c->placed[block->chunk & PMT_CHUNK_MMAPPED          ? CALLERS_MMAP
                  : block->chunk & PMT_CHUNK_NON_MAIN_ARENA ? CALLERS_ARENA
                                                            : CALLERS_HEAP]++;
    if (live > c->most) {
        c->most = live;
        c->most_ns = block->t_ns;
        c->most_stack = block->stack_id;
    }
}
