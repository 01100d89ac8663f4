#include "runner/ptrace/call_stacks.h"
#include "runner/base/memory.h"
#include <string.h>

static uint64_t hash(const uint64_t *ip, uint32_t frames)
{
    uint64_t sum = frames;
    for (uint32_t i = 0; i < frames; i++)
        sum = (sum ^ ip[i]) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 32;
}

static struct call_stack **place(struct call_stacks *s, const uint64_t *ip, uint32_t frames)
{
    size_t at = hash(ip, frames) & (s->room - 1);
    for (;; at = (at + 1) & (s->room - 1)) {
        const struct call_stack *stack = s->slots[at];
        if (!stack || (stack->frames == frames && memcmp(stack->ip, ip, frames * sizeof *ip) == 0))
            return &s->slots[at];
    }
}

static void grow(struct call_stacks *s)
{
    struct call_stacks wider = {.room = s->room ? s->room * 2 : 64, .count = s->count};
    wider.slots = memory_get(wider.room * sizeof *wider.slots);
    for (size_t i = 0; i < s->room; i++)
        if (s->slots[i])
            *place(&wider, s->slots[i]->ip, s->slots[i]->frames) = s->slots[i];
    memory_put(s->slots);
    *s = wider;
}

uint32_t call_stacks_id(struct call_stacks *s, const uint64_t *ip, uint32_t frames, bool *fresh)
{
    if (s->count * 2 >= s->room)
        grow(s);
    struct call_stack **at = place(s, ip, frames);
    *fresh = *at == NULL;
    if (*fresh) {
        *at = memory_get(sizeof **at + frames * sizeof *ip);
        (*at)->id = ++s->count;
        (*at)->frames = frames;
        memcpy((*at)->ip, ip, frames * sizeof *ip);
    }
    return (*at)->id;
}

void call_stacks_free(struct call_stacks *s)
{
    for (size_t i = 0; i < s->room; i++)
        memory_put(s->slots[i]);
    memory_put(s->slots);
    *s = (struct call_stacks){0};
}
