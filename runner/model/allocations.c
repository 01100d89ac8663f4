#include "runner/model/allocations.h"
#include "runner/base/memory.h"
#include <string.h>

/* Not a table of base: blocks come and go, up to 50 million a second. They lie in the places
 * themselves, which saves a malloc and a look at other memory for each, and can be removed. */
#define FIRST_PLACES 1024u

void allocations_init(struct allocations *a)
{
    *a = (struct allocations){.table = memory_get(FIRST_PLACES * sizeof *a->table),
                              .mask = FIRST_PLACES - 1};
}

void allocations_copy(struct allocations *to, const struct allocations *from)
{
    size_t size = (from->mask + 1) * sizeof *from->table;
    *to = *from;
    to->table = memory_get(size);
    memcpy(to->table, from->table, size);
}

void allocations_free(struct allocations *a)
{
    memory_put(a->table);
    *a = (struct allocations){0};
}

/* Fibonacci hashing; blocks are multiples of 8 bytes apart. */
static size_t home(const struct allocations *a, uint64_t addr)
{
    return (size_t)((addr >> 3) * 0x9e3779b97f4a7c15u >> 32) & a->mask;
}

static size_t place(const struct allocations *a, uint64_t addr)
{
    size_t at = home(a, addr);
    while (a->table[at].addr && a->table[at].addr != addr)
        at = (at + 1) & a->mask;
    return at;
}

static void grow(struct allocations *a)
{
    struct allocations bigger = {.mask = a->mask * 2 + 1, .count = a->count, .bytes = a->bytes};
    bigger.table = memory_get((bigger.mask + 1) * sizeof *bigger.table);
    for (size_t i = 0; i <= a->mask; i++)
        if (a->table[i].addr)
            bigger.table[place(&bigger, a->table[i].addr)] = a->table[i];
    memory_put(a->table);
    *a = bigger;
}

void allocations_add(struct allocations *a, const struct allocation *block)
{
    if (a->count * 2 > a->mask)
        grow(a);
    struct allocation *at = &a->table[place(a, block->addr)];
    if (at->addr)
        a->bytes -= at->size;
    else
        a->count++;
    a->bytes += block->size;
    *at = *block;
}

const struct allocation *allocations_find(const struct allocations *a, uint64_t addr)
{
    const struct allocation *at = &a->table[place(a, addr)];
    return addr && at->addr ? at : NULL;
}

/* Closes the gap: whatever follows without a free place in between moves up if it may. */
bool allocations_take(struct allocations *a, uint64_t addr, struct allocation *out)
{
    size_t gap = place(a, addr);
    if (!addr || !a->table[gap].addr)
        return false;
    *out = a->table[gap];
    a->count--;
    a->bytes -= a->table[gap].size;
    for (size_t next = (gap + 1) & a->mask; a->table[next].addr; next = (next + 1) & a->mask) {
        size_t from_home = (next - home(a, a->table[next].addr)) & a->mask;
        if (from_home >= ((next - gap) & a->mask)) {
            a->table[gap] = a->table[next];
            gap = next;
        }
    }
    a->table[gap].addr = 0;
    return true;
}

const struct allocation *allocations_given_back(const struct allocations *a,
                                                const struct pmt_alloc *call, uint64_t began_ns)
{
    const struct allocation *old = allocations_find(a, call->old_addr);
    bool failed = !call->addr && call->error;
    return old && !failed && old->t_ns <= began_ns ? old : NULL;
}
