#include "runner/views/summary_places.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/translate.h"
#include "runner/symbols/demangle.h"
#include "runner/views/caller.h"
#include <stdlib.h>
#include <string.h>

/* Names are only looked up for so many stacks, those with the most bytes. */
#define STACKS_MOST 1000u

struct sum {
    uint32_t stack_id;
    uint64_t bytes, calls, changes;
};

static int by_bytes(const void *a, const void *b)
{
    const struct sum *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->stack_id < y->stack_id ? -1 : x->stack_id > y->stack_id;
}

static int by_bytes_of_place(const void *a, const void *b)
{
    const struct summary_place *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return strcmp(x->text, y->text);
}

/* " <- middle_block": who called the function of the program that the caller is in. */
static void add_outer(const struct model *m, uint32_t stack_id, char *text, size_t size)
{
    const struct stack *stack = stacks_find(&m->image->stacks, stack_id);
    unsigned own = 0;
    for (uint32_t i = 0; stack && i < stack->count; i++) {
        if (!caller_is_own(m, stack, i) || own++ == 0)
            continue;
        const struct symbol *s = stacks_symbol(&m->image->stacks, &stack->frames[i], false);
        char name[200];
        if (!s->function)
            return;
        demangle_short(s->function, name, sizeof name);
        snprintf(text + strlen(text), size - strlen(text), " <- %s", name);
        return;
    }
}

static void place_text(const struct model *m, uint32_t stack_id, char *text, size_t size)
{
    if (!caller_text(m, stack_id, text, size))
        snprintf(text, size, _("unknown"));
    add_outer(m, stack_id, text, size);
}

static void add_to(struct summary_place *place, const struct sum *sum)
{
    place->bytes += sum->bytes;
    place->calls += sum->calls;
    place->changes += sum->changes;
}

static struct summary_place *find(struct summary_places *p, size_t *room, const char *text)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->items[i].text, text) == 0)
            return &p->items[i];
    struct summary_place *place = array_add(p->items, p->count, *room);
    *place = (struct summary_place){0};
    memcpy(place->text, text, sizeof place->text);
    return place;
}

static struct summary_places places_of(const struct model *m, struct sum *sums, size_t count,
                                       size_t most)
{
    struct summary_places p = {0};
    size_t room = 0;
    if (count)
        qsort(sums, count, sizeof *sums, by_bytes);
    for (size_t i = 0; i < count; i++) {
        char text[sizeof p.rest.text] = "";
        if (i < STACKS_MOST)
            place_text(m, sums[i].stack_id, text, sizeof text);
        add_to(i < STACKS_MOST ? find(&p, &room, text) : &p.rest, &sums[i]);
    }
    if (p.count)
        qsort(p.items, p.count, sizeof *p.items, by_bytes_of_place);
    for (size_t i = most; i < p.count; i++)
        add_to(&p.rest, &(struct sum){.bytes = p.items[i].bytes,
                                      .calls = p.items[i].calls,
                                      .changes = p.items[i].changes});
    p.count = p.count < most ? p.count : most;
    return p;
}

struct summary_places summary_callers(const struct model *m, size_t most)
{
    const struct callers *c = m->image->callers;
    struct sum *sums = memory_get((c->room + 1) * sizeof *sums);
    size_t count = 0;
    for (size_t id = 0; id < c->room; id++)
        if (c->items[id].calls)
            sums[count++] = (struct sum){(uint32_t)id, c->items[id].bytes, c->items[id].calls,
                                         c->items[id].changes};
    struct summary_places places = places_of(m, sums, count, most);
    memory_put(sums);
    return places;
}

struct summary_places summary_unfreed(const struct model *m, size_t most)
{
    const struct allocations *a = &m->image->allocations;
    struct callers *by_stack = callers_new();
    for (size_t i = 0; i <= a->mask; i++)
        if (a->table[i].addr)
            callers_block(by_stack, &a->table[i], 0);
    struct sum *sums = memory_get((by_stack->room + 1) * sizeof *sums);
    size_t count = 0;
    for (size_t id = 0; id < by_stack->room; id++)
        if (by_stack->items[id].calls)
            sums[count++] =
                (struct sum){(uint32_t)id, by_stack->items[id].bytes, by_stack->items[id].calls, 0};
    struct summary_places places = places_of(m, sums, count, most);
    memory_put(sums);
    callers_free(by_stack);
    return places;
}
