/* Where a variable of a stopped thread is, and what it holds. */
#pragma once

#include "runner/ptrace/tracees.h"
#include "runner/symbols/inventory.h"

struct where_frame {
    struct user_regs_struct regs;
    uint64_t cfa;  /* the canonical frame address of the function; 0: it is in none */
    uint64_t bias; /* of the process's addresses */
};

/* A variable on its way into a record; what is not known is 0. */
struct where_spot {
    uint64_t addr, value;
    uint8_t place, value_is, time; /* as in struct pmt_variable */
    uint8_t text_size;
    char text[PMT_VARIABLE_TEXT_MAX];
};

/* An address that is told in this way, 0 if it is none. */
uint64_t where_address(const struct tracee *thread, const struct inventory_place *place,
                       const struct where_frame *frame);

/* Its place; of what is in a register, or nowhere, the value, too. */
struct where_spot where_find(const struct tracee *thread, const struct inventory_item *item,
                             const struct where_frame *frame);

/* Reads the value at its address. */
void where_read(const struct tracee *thread, const struct inventory_item *item,
                enum pmt_variable_time time, struct where_spot *spot);
