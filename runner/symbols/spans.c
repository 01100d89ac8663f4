#include "runner/symbols/spans.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include <stdlib.h>

void spans_add(struct spans *spans, struct span span)
{
    if (span.start < span.end)
        *array_add(spans->items, spans->count, spans->room) = span;
}

/* What is inside of another one comes after it. */
static int compare(const void *left, const void *right)
{
    const struct span *a = left;
    const struct span *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->end != b->end)
        return a->end > b->end ? -1 : 1;
    return (a->rank > b->rank) - (a->rank < b->rank);
}

static void put(struct spans *spans, uint64_t start, uint32_t value)
{
    struct piece *last = spans->pieces_count ? &spans->pieces[spans->pieces_count - 1] : NULL;
    if (last && last->start == start)
        last->value = value;
    else if (!last || last->value != value)
        spans->pieces[spans->pieces_count++] = (struct piece){start, value};
}

/* The spans that have begun and not ended, the innermost on top. */
struct open {
    const struct span **spans;
    size_t count;
};

/* Ends the innermost one: behind it what it lay on is seen again. */
static void pop(struct spans *spans, struct open *open)
{
    uint64_t end = open->spans[--open->count]->end;
    while (open->count && open->spans[open->count - 1]->end <= end)
        open->count--;
    put(spans, end, open->count ? open->spans[open->count - 1]->value : SPANS_NONE);
}

void spans_close(struct spans *spans)
{
    struct open open = {memory_get(spans->count * sizeof *open.spans), 0};
    if (spans->count)
        qsort(spans->items, spans->count, sizeof *spans->items, compare);
    spans->pieces = memory_get((2 * spans->count + 1) * sizeof *spans->pieces);
    for (size_t i = 0; i < spans->count; i++) {
        const struct span *span = &spans->items[i];
        while (open.count && open.spans[open.count - 1]->end <= span->start)
            pop(spans, &open);
        open.spans[open.count++] = span;
        put(spans, span->start, span->value);
    }
    while (open.count)
        pop(spans, &open);
    memory_put(open.spans);
    memory_put(spans->items);
    spans->items = NULL;
    spans->count = spans->room = 0;
    spans->pieces = memory_resize(spans->pieces, spans->pieces_count * sizeof *spans->pieces);
}

uint32_t spans_find(const struct spans *spans, uint64_t address)
{
    size_t behind = array_first(at, spans->pieces_count, spans->pieces[at].start > address);
    return behind ? spans->pieces[behind - 1].value : SPANS_NONE;
}

void spans_free(struct spans *spans)
{
    memory_put(spans->items);
    memory_put(spans->pieces);
    *spans = (struct spans){0};
}
