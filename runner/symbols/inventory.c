#include "runner/symbols/inventory.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"

void inventory_add(struct inventory *i, const struct inventory_item *item, struct names *names)
{
    if (i->count == INVENTORY_ITEMS_MAX) {
        i->cut = true;
        return;
    }
    struct inventory_item *own = array_add(i->items, i->count, i->room);
    *own = *item;
    own->name = names_intern(names, item->name);
    own->type = names_intern(names, item->type);
    own->file = names_intern(names, item->file);
}

void inventory_free(struct inventory *i)
{
    memory_put(i->items);
    *i = (struct inventory){0};
}
