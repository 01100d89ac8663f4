#include "runner/base/table.h"
#include "runner/base/memory.h"

#define FIRST_ROOM 64u /* a power of two */

/* FNV-1a */
static uint64_t hash_of(const unsigned char *key, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ key[i]) * 0x100000001b3u;
    return hash;
}

static void grow(struct table *table)
{
    struct table wider = {.room = table->room ? 2 * table->room : FIRST_ROOM,
                          .count = table->count};
    wider.places = memory_get(wider.room * sizeof *wider.places);
    for (size_t i = 0; i < table->room; i++) {
        size_t at = table->places[i].hash & (wider.room - 1);
        if (!table->places[i].entry)
            continue;
        while (wider.places[at].entry)
            at = (at + 1) & (wider.room - 1);
        wider.places[at] = table->places[i];
    }
    memory_put(table->places);
    *table = wider;
}

void **table_place(struct table *table, const void *key, size_t size, table_is *is)
{
    if (2 * table->count >= table->room)
        grow(table);
    uint64_t hash = hash_of(key, size);
    for (size_t at = hash;; at++) {
        struct table_place *place = &table->places[at & (table->room - 1)];
        if (place->entry && (place->hash != hash || !is(place->entry, key, size)))
            continue;
        table->count += !place->entry;
        place->hash = hash;
        return &place->entry;
    }
}

void table_free(struct table *table, void (*put)(void *entry))
{
    for (size_t i = 0; i < table->room; i++)
        if (table->places[i].entry)
            put(table->places[i].entry);
    memory_put(table->places);
    *table = (struct table){0};
}
