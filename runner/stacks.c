#include "stacks.h"
#include "memory.h"
#include <string.h>

#define MOST_IDS (1u << 20) /* ids come from the traced process */

void stacks_init(struct stacks *stacks, struct symbols *symbols, struct names *names)
{
    *stacks = (struct stacks){.symbols = symbols, .names = names};
}

static void drop_stack(struct stack *stack)
{
    if (!stack || --stack->refs)
        return;
    memory_put(stack->frames);
    memory_put(stack);
}

void stacks_free(struct stacks *stacks)
{
    for (size_t i = 0; i < stacks->room; i++)
        drop_stack(stacks->by_id[i]);
    memory_put(stacks->by_id);
    *stacks = (struct stacks){0};
}

static struct stack **slot(struct stacks *stacks, uint32_t id)
{
    if (id >= stacks->room) {
        size_t room = (size_t)id + id / 2 + 64;
        stacks->by_id = memory_resize(stacks->by_id, room * sizeof *stacks->by_id);
        memset(stacks->by_id + stacks->room, 0, (room - stacks->room) * sizeof *stacks->by_id);
        stacks->room = room;
    }
    return &stacks->by_id[id];
}

void stacks_inherit(struct stacks *to, const struct stacks *from)
{
    for (size_t id = from->room; id-- > 0;) { /* the highest first: one allocation */
        struct stack *stack = from->by_id[id];
        if (!stack || stacks_find(to, (uint32_t)id))
            continue;
        *slot(to, (uint32_t)id) = stack;
        stack->refs++;
    }
}

static void place_frame(struct stacks *stacks, struct frame *frame, const struct regions *map)
{
    const struct region *r = regions_find(map, frame->ip ? frame->ip - 1 : 0);
    if (!r || r->path[0] != '/')
        return;
    frame->module = names_intern(stacks->names, r->path);
    frame->file_offset = frame->ip - r->raw.start + r->raw.offset;
}

static void take_symbol(struct stacks *stacks, struct frame *frame,
                        const struct frame_symbol *symbol)
{
    if (!symbol->function && !symbol->module && !symbol->file)
        return;
    frame->resolved = true;
    frame->symbol = (struct frame_symbol){.function = names_intern(stacks->names, symbol->function),
                                          .module = names_intern(stacks->names, symbol->module),
                                          .file = names_intern(stacks->names, symbol->file),
                                          .line = symbol->line};
}

void stacks_add(struct stacks *stacks, const struct event *event, const struct regions *map)
{
    const struct pmt_stack *record = (const struct pmt_stack *)event->record;
    uint32_t id = record->r.stack_id;
    if (id == 0 || id >= MOST_IDS)
        return;
    struct stack **at = slot(stacks, id);
    drop_stack(*at);
    struct stack *stack = *at = memory_get(sizeof *stack);
    stack->refs = 1;
    stack->id = id;
    stack->count = record->frames;
    stack->frames = memory_get(stack->count * sizeof *stack->frames);
    for (uint32_t i = 0; i < stack->count; i++) {
        stack->frames[i].ip = record->ip[i];
        place_frame(stacks, &stack->frames[i], map);
        if (event->symbols)
            take_symbol(stacks, &stack->frames[i], &event->symbols[i]);
    }
}

const struct stack *stacks_find(const struct stacks *stacks, uint32_t id)
{
    return id < stacks->room ? stacks->by_id[id] : NULL;
}

const struct frame_symbol *stacks_symbol(const struct stacks *stacks, const struct frame *frame,
                                         bool exact)
{
    struct frame *f = (struct frame *)frame; /* a cache */
    if (f->resolved)
        return &f->symbol;
    f->resolved = true;
    f->symbol.module = f->module;
    struct symbol found;
    if (f->module && stacks->symbols &&
        symbols_resolve(stacks->symbols, f->module, f->file_offset, exact, &found) == 0) {
        f->symbol.function = found.function;
        f->symbol.file = found.file;
        f->symbol.line = found.line;
    }
    return &f->symbol;
}
