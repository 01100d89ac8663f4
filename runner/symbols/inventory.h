/* The variables and functions that a program's file has, by its debug information, or without it by
 * its symbols: what there is, and how to find it in a process. */
#pragma once

#include "runner/base/names.h"
#include "schemas/variable.h"

enum inventory_way {
    INVENTORY_ADDRESS,  /* at `offset`, an address of link time */
    INVENTORY_MEMORY,   /* at register + offset; `deref`: at what stands there + then */
    INVENTORY_FRAME,    /* at the canonical frame address + offset; `deref` likewise */
    INVENTORY_REGISTER, /* in it */
    INVENTORY_THREAD,   /* at the thread pointer + offset */
    INVENTORY_CONSTANT, /* nowhere: its value is `offset` */
    INVENTORY_OPTIMIZED_OUT,
    INVENTORY_UNKNOWN
};

struct inventory_place {
    uint8_t way;   /* enum inventory_way */
    uint8_t reg;   /* its number in DWARF */
    uint8_t deref; /* 0 or 1 */
    int64_t offset, then;
};

#define INVENTORY_NO_FUNCTION UINT32_MAX

struct inventory_item {
    const char *name, *type, *file; /* "" where it is not known */
    uint32_t line;
    uint32_t function; /* the item that it is in: before it; or INVENTORY_NO_FUNCTION */
    uint8_t kind;      /* enum pmt_variable_kind */
    uint8_t value_is;  /* enum pmt_variable_value */
    bool of_text;      /* a pointer to char */
    uint64_t size;
    /* A function: `place` its first instruction, `entry` where its parameters and variables are at
     * the places that are told here, and there the canonical frame address, behind the return
     * address. */
    struct inventory_place place, frame;
    uint64_t entry; /* link time; 0: it has none */
};

struct inventory {
    struct inventory_item *items;
    size_t count, room;
    uint64_t entry; /* the program's entry point, at link time */
    bool has_dwarf;
    bool cut;  /* there were more */
    bool none; /* the file could not be read */
};

#define INVENTORY_ITEMS_MAX 50000u
#define INVENTORY_BYTES_MAX (16u << 20)

/* With copies of the strings in `names`. */
void inventory_add(struct inventory *i, const struct inventory_item *item, struct names *names);
void inventory_free(struct inventory *i);
