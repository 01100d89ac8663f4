/* The stacks of one image that have a number, by their frames. */
#ifndef PMT_CALL_STACKS_H
#define PMT_CALL_STACKS_H

#include "schemas/record.h"
#include <stdbool.h>
#include <stddef.h>

struct call_stack {
    uint32_t id;
    uint32_t frames;
    uint64_t ip[];
};

struct call_stacks {
    struct call_stack **slots; /* open addressing */
    size_t room;
    uint32_t count;
};

/* The number of a stack; `*fresh`: it was not known before. */
uint32_t call_stacks_id(struct call_stacks *stacks, const uint64_t *ip, uint32_t frames,
                        bool *fresh);
void call_stacks_free(struct call_stacks *stacks);

#endif
