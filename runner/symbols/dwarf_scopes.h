/* The functions of one compilation unit, and those that are inlined in them. */
#ifndef PMT_DWARF_SCOPES_H
#define PMT_DWARF_SCOPES_H

#include "runner/symbols/dwarf_units.h"

struct dwarf_scopes {
    struct spans spans; /* values: places in `list` */
    struct dwarf_scope *list;
    size_t count, room;
    Dwarf_Die unit;
};

struct dwarf_budget {
    uint64_t *dies, *spans;
};

void dwarf_scopes_read(struct dwarf_scopes *scopes, Dwarf_Die *unit, struct dwarf_budget *budget);
/* Function and inlined_into of `out`. False if the address is in no function. */
bool dwarf_scopes_find(struct dwarf_scopes *scopes, uint64_t address,
                       const struct dwarf_names *names, struct symbol *out);
void dwarf_scopes_free(struct dwarf_scopes *scopes);

#endif
