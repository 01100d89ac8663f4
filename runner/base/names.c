#include "runner/base/names.h"
#include "runner/base/memory.h"
#include <stdint.h>
#include <string.h>

#define FIRST_PLACES 64u

/* FNV-1a */
static uint64_t hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h;
}

static char **place(const struct names *names, const char *text)
{
    size_t at = hash(text) & (names->places - 1);
    while (names->table[at] && strcmp(names->table[at], text) != 0)
        at = (at + 1) & (names->places - 1);
    return &names->table[at];
}

static void grow(struct names *names)
{
    struct names bigger = {.places = names->places ? names->places * 2 : FIRST_PLACES,
                           .count = names->count};
    bigger.table = memory_get(bigger.places * sizeof *bigger.table);
    for (size_t i = 0; i < names->places; i++)
        if (names->table[i])
            *place(&bigger, names->table[i]) = names->table[i];
    memory_put(names->table);
    *names = bigger;
}

const char *names_intern(struct names *names, const char *text)
{
    if (!text)
        return NULL;
    if (names->count * 2 >= names->places)
        grow(names);
    char **at = place(names, text);
    if (!*at) {
        *at = memory_text(text);
        names->count++;
    }
    return *at;
}

void names_free(struct names *names)
{
    for (size_t i = 0; i < names->places; i++)
        memory_put(names->table[i]);
    memory_put(names->table);
    *names = (struct names){0};
}
