/* Types by DWARF: as C writes them, and what their values are. */
#pragma once

#include "runner/symbols/inventory.h"
#include <elfutils/libdw.h>

#define INVENTORY_TYPE_SIZE 256u

/* "char *[4]"; cut where it is longer. `cplus`: structs go without the word. */
void inventory_type_name(Dwarf_Die *variable, bool cplus, char out[INVENTORY_TYPE_SIZE]);

/* Fills in size, value_is and of_text. */
void inventory_type_value(Dwarf_Die *variable, struct inventory_item *item);
