/* What a register had in the caller, as unwind tables can say it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum cfi_base {
    CFI_SP, /* the stack pointer of the frame */
    CFI_FP, /* ebp, rbp */
    CFI_CFA /* the caller's stack pointer after the call has returned */
};

/* base + offset, or the word at that address. */
struct cfi_value {
    enum cfi_base base;
    bool loads;
    intptr_t offset;
};
