#include "runner/ptrace/where_points.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/ptrace/breakpoints.h"
#include "runner/ptrace/mem.h"
#include <string.h>

static size_t index_of(const struct where_points *p, uint64_t address)
{
    return array_first(at, p->count, p->items[at].address >= address);
}

static struct where_point *find(const struct where_points *p, uint64_t address)
{
    size_t at = index_of(p, address);
    return at < p->count && p->items[at].address == address ? &p->items[at] : NULL;
}

const struct where_point *where_points_find(const struct where_points *p, uint64_t address)
{
    return find(p, address);
}

static struct where_point *add(struct where_points *p, uint64_t address)
{
    size_t at = index_of(p, address);
    (void)array_add(p->items, p->count, p->room);
    memmove(p->items + at + 1, p->items + at, (p->count - 1 - at) * sizeof *p->items);
    p->items[at] = (struct where_point){.address = address};
    return &p->items[at];
}

bool where_points_set(struct where_points *p, pid_t tid, uint64_t address)
{
    static const uint8_t trap = BREAKPOINTS_INT3;
    struct where_point *point = find(p, address);
    if (!point)
        point = add(p, address);
    if (!point->users &&
        (!mem_read(tid, address, &point->code, 1) || !mem_write_code(tid, address, &trap, 1)))
        return false;
    point->users++;
    return true;
}

void where_points_release(struct where_points *p, pid_t tid, uint64_t address)
{
    struct where_point *point = find(p, address);
    if (point && point->users && --point->users == 0)
        mem_write_code(tid, address, &point->code, 1);
}

void where_points_put_back(const struct where_points *p, pid_t tid)
{
    uint8_t now;
    for (size_t i = 0; i < p->count; i++)
        if (mem_read(tid, p->items[i].address, &now, 1) && now == BREAKPOINTS_INT3)
            mem_write_code(tid, p->items[i].address, &p->items[i].code, 1);
}

void where_points_free(struct where_points *p)
{
    memory_put(p->items);
    *p = (struct where_points){0};
}
