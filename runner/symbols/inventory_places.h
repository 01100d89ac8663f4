/* Where something is by DWARF, in the few forms that compilers use for what a person looks for. */
#pragma once

#include "runner/symbols/inventory.h"
#include <elfutils/libdw.h>

/* Where debug information counts addresses from is not where the file does, after prelink. */
struct inventory_bias {
    uint64_t dwarf; /* the file's minus those of its debug information */
    int64_t thread; /* of thread variables' block: from the thread pointer */
    uint64_t thread_image, thread_image_end; /* what the block begins with, at link time */
};

/* Where the variable is when the function `in`, NULL for none, has come to the address `at`. */
struct inventory_place inventory_place_of(Dwarf_Die *variable, Dwarf_Die *in, uint64_t at,
                                          const struct inventory_bias *bias);

/* The canonical frame address there, by the unwind tables. */
struct inventory_place inventory_frame_at(Dwarf_CFI *cfi, uint64_t at);
