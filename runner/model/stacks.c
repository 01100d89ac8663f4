#include "runner/model/stacks.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
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
    memory_put(stack->told);
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
        size_t before = stacks->room;
        stacks->by_id = array_fit(stacks->by_id, id + 1, &stacks->room, sizeof *stacks->by_id);
        memset(stacks->by_id + before, 0, (stacks->room - before) * sizeof *stacks->by_id);
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

/* ---- names that a trace brings along ---- */

static bool is_told(const struct frame_symbol *s)
{
    return s->module || s->symbol.function || s->symbol.file;
}

static struct symbol intern(struct names *names, const struct symbol *from,
                            struct symbol_place *into)
{
    struct symbol symbol = *from;
    symbol.function = names_intern(names, from->function);
    symbol.file = names_intern(names, from->file);
    symbol.inlined_into = into;
    for (unsigned i = 0; i < from->inlined; i++)
        into[i] = (struct symbol_place){names_intern(names, from->inlined_into[i].function),
                                        names_intern(names, from->inlined_into[i].file),
                                        from->inlined_into[i].line};
    return symbol;
}

/* One block for the symbols and, behind them, for the places that they refer to. */
static void take_symbols(struct stacks *stacks, struct stack *stack,
                         const struct frame_symbol *symbols)
{
    size_t places = 0;
    for (uint32_t i = 0; i < stack->count; i++)
        places += symbols[i].symbol.inlined;
    stack->told =
        memory_get(stack->count * sizeof *stack->told + places * sizeof *stack->told->inlined_into);
    struct symbol_place *next = (struct symbol_place *)(stack->told + stack->count);
    for (uint32_t i = 0; i < stack->count; i++) {
        struct frame *frame = &stack->frames[i];
        if (!is_told(&symbols[i]))
            continue;
        stack->told[i] = intern(stacks->names, &symbols[i].symbol, next);
        next += symbols[i].symbol.inlined;
        frame->symbol = &stack->told[i];
        frame->module = names_intern(stacks->names, symbols[i].module);
    }
}

/* ---- */

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
    }
    if (event->symbols)
        take_symbols(stacks, stack, event->symbols);
}

const struct stack *stacks_find(const struct stacks *stacks, uint32_t id)
{
    return id < stacks->room ? stacks->by_id[id] : NULL;
}

const struct symbol *stacks_symbol(const struct stacks *stacks, const struct frame *frame,
                                   bool exact)
{
    static const struct symbol nothing;
    struct frame *f = (struct frame *)frame; /* a cache */
    if (!f->symbol && f->module && stacks->symbols)
        f->symbol = symbols_resolve(stacks->symbols, f->module, f->file_offset, exact);
    return f->symbol ? f->symbol : &nothing;
}

const char *stack_module(const struct stack *stack)
{
    uint32_t i = 0;
    while (i < stack->count && !stack->frames[i].module)
        i++;
    return i < stack->count ? stack->frames[i].module : NULL;
}

/* musl's dynamic loader is its C library, too. */
bool stack_is_loaders(const struct stack *stack)
{
    const char *module = stack_module(stack), *name = module ? basename(module) : "";
    return text_starts(name, "ld-") && !text_starts(name, "ld-musl");
}
