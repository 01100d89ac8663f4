/* The bytes of unwind tables, each read only if it is there: numbers and encoded pointers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cfi_reader {
    const uint8_t *at, *end;
    uintptr_t page; /* where it was read last: that can be read */
    bool bad;       /* something was to be read that is not there, or not known here */
};

/* Pointer encodings: the form in the lower half, what it is relative to in the upper. */
enum { FORM = 0x0f, RELATIVE = 0x70, RELATIVE_PC = 0x10, INDIRECT = 0x80 };

/* Skips `size` bytes and gives where they are; without them, of some zeros and `bad`. */
const uint8_t *cfi_take(struct cfi_reader *r, size_t size);
uint64_t cfi_number(struct cfi_reader *r, unsigned size);
int64_t cfi_signed(struct cfi_reader *r, unsigned size);
uint64_t cfi_leb(struct cfi_reader *r, bool is_signed);
#define ULEB(r) cfi_leb(r, false)
#define SLEB(r) ((intptr_t)cfi_leb(r, true))

int64_t cfi_form(struct cfi_reader *r, uint8_t encoding); /* not yet relative to anything */
uintptr_t cfi_pointer(struct cfi_reader *r, uint8_t encoding);
