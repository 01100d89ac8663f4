/* Functions, inlined functions and lines by DWARF. A compilation unit is read when the first
 * address in it is asked for; from then on an address costs three binary searches. */
#pragma once

#include "runner/symbols/demangle.h"
#include "runner/symbols/spans.h"
#include "runner/symbols/symbol.h"
#include <elfutils/libdw.h>

/* How many DIEs and ranges may still be read: in a damaged file they can refer to each other so
 * that there seems to be no end. */
struct dwarf_budget {
    uint64_t dies, spans;
};

/* What the ELF symbols call the function at a DWARF address; NULL if nothing. */
struct dwarf_names {
    struct demangled *demangled;
    const char *(*elf_name)(void *arg, uint64_t address);
    void *arg;
};

struct dwarf_units {
    struct spans ranges; /* values: places in `list` */
    struct dwarf_unit *list;
    size_t count, room;
    struct dwarf_budget budget;
};

/* `size`: of the file, in bytes. `dwarf` must live as long as the units. */
void dwarf_units_init(struct dwarf_units *units, Dwarf *dwarf, uint64_t size);
/* Fills in what is known; `out` starts as {0}. Its strings live as long as the Dwarf and
 * names->demangled, its places as long as the units. */
void dwarf_units_find(struct dwarf_units *units, uint64_t address, const struct dwarf_names *names,
                      struct symbol *out);
void dwarf_units_free(struct dwarf_units *units);
