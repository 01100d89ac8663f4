/* The functions in the symbol tables of an ELF file. */
#pragma once

#include "runner/base/names.h"
#include "runner/symbols/spans.h"
#include <libelf.h>
#include <stdbool.h>

struct elf_symbols {
    struct spans sized;
    struct spans guessed; /* symbols without a size, up to the next one but no further than that */
    const char **list;    /* the names: strings of the Elf, or of `cut` */
    size_t count, room;
    struct names cut; /* without their version */
    struct starts {   /* of all symbols, until closed */
        uint64_t *items;
        size_t count, room;
    } starts;
};

/* Adds what .symtab and .dynsym have; `bias` is added to the addresses. `elf` must live as long as
 * the symbols. Returns whether there was a .symtab. */
bool elf_symbols_add(struct elf_symbols *symbols, Elf *elf, uint64_t bias);
void elf_symbols_close(struct elf_symbols *symbols);
/* The name of the function at this link-time address, NULL if there is none. */
const char *elf_symbols_find(const struct elf_symbols *symbols, uint64_t address);
void elf_symbols_free(struct elf_symbols *symbols);
