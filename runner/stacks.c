#include "stacks.h"
#include "memory.h"
#include <string.h>

#define MOST_IDS (1u << 20) /* ids come from the traced process */

void stacks_init(struct stacks *stacks, struct symbols *symbols)
{
    *stacks = (struct stacks){.symbols = symbols};
}

static void free_stack(struct stack *stack)
{
    if (!stack)
        return;
    memory_put(stack->frames);
    memory_put(stack);
}

void stacks_free(struct stacks *stacks)
{
    for (size_t i = 0; i < stacks->room; i++)
        free_stack(stacks->by_id[i]);
    for (size_t i = 0; i < stacks->name_count; i++)
        memory_put(stacks->names[i]);
    memory_put(stacks->by_id);
    memory_put(stacks->names);
    *stacks = (struct stacks){0};
}

/* There are as many different names as modules, and in a replayed trace functions and source files:
 * each is looked for from the latest on, as neighbours tend to share them. */
static const char *intern(struct stacks *stacks, const char *text)
{
    if (!text)
        return NULL;
    for (size_t i = stacks->name_count; i-- > 0;)
        if (strcmp(stacks->names[i], text) == 0)
            return stacks->names[i];
    if (stacks->name_count == stacks->name_room) {
        stacks->name_room = stacks->name_room ? stacks->name_room * 2 : 64;
        stacks->names = memory_resize(stacks->names, stacks->name_room * sizeof *stacks->names);
    }
    return stacks->names[stacks->name_count++] = memory_text(text);
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

static void place_frame(struct stacks *stacks, struct frame *frame, const struct regions *map)
{
    const struct region *r = regions_find(map, frame->ip ? frame->ip - 1 : 0);
    if (!r || r->path[0] != '/')
        return;
    frame->module = intern(stacks, r->path);
    frame->file_offset = frame->ip - r->raw.start + r->raw.offset;
}

static void take_symbol(struct stacks *stacks, struct frame *frame,
                        const struct frame_symbol *symbol)
{
    if (!symbol->function && !symbol->module && !symbol->file)
        return;
    frame->resolved = true;
    frame->symbol = (struct frame_symbol){.function = intern(stacks, symbol->function),
                                          .module = intern(stacks, symbol->module),
                                          .file = intern(stacks, symbol->file),
                                          .line = symbol->line};
}

void stacks_add(struct stacks *stacks, const struct event *event, const struct regions *map)
{
    const struct pmt_stack *record = (const struct pmt_stack *)event->record;
    uint32_t id = record->r.stack_id;
    if (id == 0 || id >= MOST_IDS)
        return;
    struct stack **at = slot(stacks, id);
    free_stack(*at);
    struct stack *stack = *at = memory_get(sizeof *stack);
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
