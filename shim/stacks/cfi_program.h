/* What a frame's unwind table is: a program that says row by row, from the function's first byte
 * on, how the registers are to be had there, partly by expressions (DWARF 5, sections 6.4.2
 * and 2.5). */
#pragma once

#include "shim/stacks/cfi_bytes.h"
#include "shim/stacks/cfi_value.h"

#ifdef __i386__
enum { REGISTER_SP = 4, REGISTER_FP = 5, REGISTER_PC = 8 };
#else
enum { REGISTER_FP = 6, REGISTER_SP = 7, REGISTER_PC = 16 };
#endif

enum how {
    HOW_UNSAID,
    HOW_SAME,
    HOW_UNDEFINED,
    HOW_SAVED,
    HOW_VALUE,
    HOW_SAVED_BY,
    HOW_VALUE_BY,
    HOW_OTHER
};

struct cfi_saved {
    enum how how;
    intptr_t offset;      /* from the CFA */
    const uint8_t *block; /* HOW_..._BY: the expression */
};

struct cfi_row {
    unsigned reg;
    intptr_t offset;
    const uint8_t *block; /* not NULL: the CFA is this expression's value */
    struct cfi_saved pc, fp, other;
};

#define CFI_REMEMBERED 3u

struct cfi_program {
    struct cfi_reader r;
    uintptr_t at, address; /* where the row holds from, and the place that is asked for */
    uintptr_t code_unit;
    intptr_t data_unit;
    uint8_t encoding;
    struct cfi_row row, first; /* `first`: as the common part leaves it */
    struct cfi_row remembered[CFI_REMEMBERED];
    unsigned depth;
};

/* Goes on to the row of `address`. False: something is not known here. */
bool cfi_run(struct cfi_program *p);

/* A block that was skipped by cfi_take(): its length and the operations. `cfa`: it begins with the
 * CFA on its stack. */
bool cfi_evaluate(const uint8_t *block, uintptr_t pc, bool cfa, struct cfi_value *value);
