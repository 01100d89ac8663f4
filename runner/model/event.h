/* One event on its way source -> model -> views: a raw record (schemas/record.h) that has passed
 * record_valid(), with what the stream adds to it. */
#pragma once

#include "runner/symbols/symbol.h"
#include "schemas/record.h"

/* A symbolised frame of a stack record. */
struct frame_symbol {
    const char *module; /* path of the file that contains the code; may be NULL */
    struct symbol symbol;
};

/* A malloc or free like most of them, from a compact record of either word size or a whole one. */
struct plain_call {
    uint64_t addr;
    uint64_t time; /* as in struct pmt_record */
    uint32_t chunk, size, stack_id, tid;
    uint8_t call; /* enum pmt_call */
};

struct event {
    const struct pmt_record *record; /* borrowed: valid only during the call */
    uint64_t t_ns;                   /* nanoseconds since the start of the trace */
    uint64_t began_ns;               /* realloc: start of the call, else 0 */
    uint32_t pid;
    uint32_t image; /* process images are numbered from 1 in the order of their process records */
    const struct frame_symbol *symbols; /* replayed stack records: one a frame, or NULL */
};
