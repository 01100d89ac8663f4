/* A moment that somebody names: "main" is its call, "map5.c:12" the line. */
#pragma once

#include "runner/symbols/inventory.h"
#include <elfutils/libdw.h>

#define MOMENT_PLACES 16u
#define MOMENT_NEXT 1024u

/* Addresses are those of link time. */
struct moment_places {
    uint64_t entry; /* the program's entry point */
    uint32_t count; /* 0: there is no such function or line */
    uint32_t next_count;
    struct moment_place {
        uint64_t at;
        struct inventory_place frame; /* a function: its canonical frame address */
        uint8_t is_function;
    } places[MOMENT_PLACES];
    uint64_t next[MOMENT_NEXT]; /* a line: where other statements of these functions begin */
};

void moment_find_line(struct moment_places *out, Dwarf *dwarf, uint64_t bias, const char *file,
                      int line);

/* Of an inventory, by the function's name. */
void moment_find_function(struct moment_places *out, const struct inventory *all, const char *name,
                          bool is64);
