#include "runner/ptrace/points.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/ptrace/breakpoints.h"
#include "runner/ptrace/mem.h"
#include <string.h>

static size_t index_of(const struct points *p, uint64_t address)
{
    return array_first(at, p->count, p->items[at].address >= address);
}

static struct point *find(const struct points *p, uint64_t address)
{
    size_t at = index_of(p, address);
    return at < p->count && p->items[at].address == address ? &p->items[at] : NULL;
}

const struct point *points_find(const struct points *p, uint64_t address)
{
    return find(p, address);
}

static struct point *add(struct points *p, uint64_t address)
{
    size_t at = index_of(p, address);
    (void)array_add(p->items, p->count, p->room);
    memmove(p->items + at + 1, p->items + at, (p->count - 1 - at) * sizeof *p->items);
    p->items[at] = (struct point){.address = address};
    return &p->items[at];
}

bool points_set(struct points *p, pid_t tid, uint64_t address)
{
    static const uint8_t trap = BREAKPOINTS_INT3;
    struct point *point = find(p, address);
    if (!point)
        point = add(p, address);
    if (!point->users &&
        (!mem_read(tid, address, &point->code, 1) || !mem_write_code(tid, address, &trap, 1)))
        return false;
    point->users++;
    return true;
}

void points_release(struct points *p, pid_t tid, uint64_t address)
{
    struct point *point = find(p, address);
    if (point && point->users && --point->users == 0)
        mem_write_code(tid, address, &point->code, 1);
}

void points_put_back(const struct points *p, pid_t tid)
{
    uint8_t now;
    for (size_t i = 0; i < p->count; i++)
        if (mem_read(tid, p->items[i].address, &now, 1) && now == BREAKPOINTS_INT3)
            mem_write_code(tid, p->items[i].address, &p->items[i].code, 1);
}

void points_free(struct points *p)
{
    memory_put(p->items);
    *p = (struct points){0};
}
