/* The functions of one compilation unit, and those that are inlined in them. */
#pragma once

#include "runner/symbols/demangle.h"
#include "runner/symbols/spans.h"
#include "runner/symbols/symbol.h"
#include <elfutils/libdw.h>
#include <stdbool.h>

struct dwarf_scopes {
    struct spans spans; /* values: places in `list` */
    struct dwarf_scope *list;
    size_t count, room;
    Dwarf_Die unit;
};

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

void dwarf_scopes_read(struct dwarf_scopes *scopes, Dwarf_Die *unit, struct dwarf_budget *budget);
/* Function and inlined_into of `out`. False if the address is in no function. */
bool dwarf_scopes_find(struct dwarf_scopes *scopes, uint64_t address,
                       const struct dwarf_names *names, struct symbol *out);
void dwarf_scopes_free(struct dwarf_scopes *scopes);
