/* The stacks of one image that have a number, by their frames. */
#pragma once

#include "runner/base/table.h"

struct call_stacks {
    struct table table;
};

/* The number of a stack; `*fresh`: it was not known before. */
uint32_t call_stacks_id(struct call_stacks *stacks, const uint64_t *ip, uint32_t frames,
                        bool *fresh);
void call_stacks_free(struct call_stacks *stacks);
