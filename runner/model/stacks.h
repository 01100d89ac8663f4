/* Call stacks by id, with the names of their frames. */
#pragma once

#include "runner/base/names.h"
#include "runner/model/event.h"
#include "runner/model/regions.h"
#include "runner/symbols/symbols.h"

struct frame {
    uint64_t ip;
    uint64_t file_offset;        /* of the ip in `module`, if there is one */
    const char *module;          /* path, interned; NULL: no file there */
    const struct symbol *symbol; /* NULL: not asked for yet */
};

/* Counted: a child's image shares the stacks that it inherits. */
struct stack {
    uint32_t id; /* 0: none */
    unsigned refs;
    uint32_t count;
    struct frame *frames; /* return addresses, innermost first */
    struct symbol *told;  /* of a replayed stack: what the frames' symbols point to, else NULL */
};

/* The file of the innermost frame that has one, or NULL: the vdso has none. */
const char *stack_module(const struct stack *stack);
/* Whether the dynamic loader made the call. */
bool stack_is_loaders(const struct stack *stack);

struct stacks {
    struct stack **by_id; /* sparse: ids are places in the shim's table */
    size_t room;
    struct symbols *symbols; /* borrowed */
    struct names *names;     /* borrowed: module paths and replayed symbols */
};

void stacks_init(struct stacks *stacks, struct symbols *symbols, struct names *names);
void stacks_inherit(struct stacks *to, const struct stacks *from); /* what `to` does not have */
void stacks_free(struct stacks *stacks);

/* A stack record, against the map as it is now. */
void stacks_add(struct stacks *stacks, const struct event *event, const struct regions *map);

/* NULL if the id is not known. The frames' symbols are looked up on the first call for each. */
const struct stack *stacks_find(const struct stacks *stacks, uint32_t id);
/* Never NULL; what is not known is NULL in it. */
const struct symbol *stacks_symbol(const struct stacks *stacks, const struct frame *frame,
                                   bool exact);
