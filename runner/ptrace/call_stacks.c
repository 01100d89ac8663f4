#include "runner/ptrace/call_stacks.h"
#include "runner/base/memory.h"
#include <string.h>

struct call_stack {
    uint32_t id;
    uint32_t frames;
    uint64_t ip[];
};

static bool has_frames(const void *entry, const void *ip, size_t size)
{
    const struct call_stack *stack = entry;
    return stack->frames * sizeof *stack->ip == size && memcmp(stack->ip, ip, size) == 0;
}

uint32_t call_stacks_id(struct call_stacks *s, const uint64_t *ip, uint32_t frames, bool *fresh)
{
    void **at = table_place(&s->table, ip, frames * sizeof *ip, has_frames);
    struct call_stack *stack = *at;
    *fresh = !stack;
    if (*fresh) {
        *at = stack = memory_get(sizeof *stack + frames * sizeof *ip);
        stack->id = (uint32_t)s->table.count;
        stack->frames = frames;
        memcpy(stack->ip, ip, frames * sizeof *ip);
    }
    return stack->id;
}

void call_stacks_free(struct call_stacks *s)
{
    table_free(&s->table, memory_put);
}
