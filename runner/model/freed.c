#include "runner/model/freed.h"
#include "runner/base/memory.h"

#define FREED_BITS 12

/* Blocks are multiples of 16 from each other. */
static size_t place(uint64_t addr)
{
    return (uint32_t)(addr >> 4) * 2654435761u >> (32 - FREED_BITS);
}

void freed_blocks_free(struct freed_blocks *f)
{
    memory_put(f->table);
    f->table = NULL;
}

void freed_blocks_add(struct freed_blocks *f, const struct allocation *block, uint32_t freed_by,
                      uint64_t t_ns)
{
    if (!f->table)
        f->table = memory_get(sizeof *f->table << FREED_BITS);
    f->table[place(block->addr)] = (struct freed_block){.addr = block->addr,
                                                        .size = block->size,
                                                        .made_by = block->stack_id,
                                                        .freed_by = freed_by,
                                                        .t_ns = t_ns};
}

const struct freed_block *freed_blocks_find(const struct freed_blocks *f, uint64_t addr)
{
    const struct freed_block *found = f->table ? &f->table[place(addr)] : NULL;
    return found && addr && found->addr == addr ? found : NULL;
}
