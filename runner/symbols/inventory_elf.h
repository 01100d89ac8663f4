/* What a file has by its symbol tables: of a program without debug information. */
#pragma once

#include "runner/symbols/inventory.h"
#include <libelf.h>

void inventory_add_symbols(struct inventory *out, Elf *elf, struct names *names);
