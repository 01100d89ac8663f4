/* Unwind tables: what .eh_frame says of one place in the code. Read as the compiler wrote them (LSB
 * core specification, "Exception Frames"; DWARF 5, section 6.4), with no call but that which finds
 * the object, no lock and no memory but the stack's. */
#pragma once

#include "shim/stacks/cfi_value.h"
#include <stddef.h>
#include <stdint.h>

struct cfi_rule {
    struct cfi_value cfa; /* from CFI_SP or CFI_FP */
    struct cfi_value pc;  /* of the caller */
    struct cfi_value fp;  /* likewise */
    bool signal;          /* the kernel made this frame: its pc is not a return address */
};

enum cfi_result {
    CFI_RULE,
    CFI_END,   /* the outermost frame: its return address is undefined */
    CFI_NONE,  /* no table covers this place */
    CFI_OTHER, /* there is one, but not in one of these forms */
    CFI_BROKEN /* it cannot be read to its end: the program has hidden it, or written there */
};

/* The tables of an object: its .eh_frame_hdr, and the memory that may be read for it. */
struct cfi_object {
    const uint8_t *header; /* NULL: it has none */
    uintptr_t low, high;
};

void cfi_init(void);

/* `may_wait`: ld.so may be asked in a way that waits for its lock, where there is no other. */
enum cfi_result cfi_find(uintptr_t address, bool may_wait, struct cfi_rule *rule);
enum cfi_result cfi_read(const struct cfi_object *object, uintptr_t address, struct cfi_rule *rule);
