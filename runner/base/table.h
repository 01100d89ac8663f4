/* A hash table: entries of its user's, found by a key that is a part of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Open addressing with linear probing; half of the places are free. {0} is an empty one. */
struct table {
    struct table_place {
        void *entry; /* NULL: free place */
        uint64_t hash;
    } * places;
    size_t room, count;
};

typedef bool table_is(const void *entry, const void *key, size_t size);

/* Where the entry with these bytes as its key is, which `is` tells. If there is none: NULL is
 * there, and the caller puts the new entry in its place before anything else is looked up. */
void **table_place(struct table *table, const void *key, size_t size, table_is *is);

/* Each entry is given to `put`. */
void table_free(struct table *table, void (*put)(void *entry));
