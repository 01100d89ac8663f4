/* What a file has by its debug information. */
#pragma once

#include "runner/symbols/demangle.h"
#include "runner/symbols/inventory_places.h"

struct inventory_sources {
    Dwarf *dwarf;
    Dwarf_CFI *cfi; /* NULL: there is none */
    uint64_t size;  /* of the files, in bytes */
    struct inventory_bias bias;
    struct demangled *demangled;
};

void inventory_add_dwarf(struct inventory *out, const struct inventory_sources *from,
                         struct names *names);
