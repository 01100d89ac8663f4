/* Raw records as JSON Lines (schemas/event.schema.json), fast enough for every malloc. */
#pragma once

#include "schemas/encode.h"
#include "schemas/fatal.h"
#include "schemas/resident.h"
#include "schemas/variable.h"

/* What the stream knows and the record does not. */
struct encode_context {
    uint64_t seq;
    uint64_t t_ns;     /* since the start of the trace */
    uint64_t began_ns; /* realloc: likewise for pmt_alloc.began */
    uint32_t pid;
    uint32_t image;     /* number of the process image in the trace, from 1 */
    uint32_t word_size; /* 4 or 8 */
    /* The runner adds what it derived; NULL in the shim. Each writes ",\"key\":value" pairs. */
    void (*region_extra)(struct encoder *e, void *arg, const struct pmt_region *region,
                         const char *path);
    void (*alloc_extra)(struct encoder *e, void *arg, const struct pmt_alloc *alloc);
    void (*frame_extra)(struct encoder *e, void *arg, const struct pmt_stack *stack,
                        uint32_t index);
    void (*thread_extra)(struct encoder *e, void *arg, const struct pmt_thread *thread);
    void (*fatal_extra)(struct encoder *e, void *arg, const struct pmt_fatal *fatal);
    void (*variable)(struct encoder *e, void *arg, const struct pmt_variable *variable);
    void (*resident)(struct encoder *e, void *arg, const struct pmt_resident *resident);
    void (*exit_extra)(struct encoder *e, void *arg, const struct pmt_exit *exit);
    void *arg;
};

/* One record as one line with its newline. The record must have passed record_valid() or come from
 * the shim itself. Returns the bytes written, 0 if they did not fit. */
size_t encode_record(char *buffer, size_t size, const struct pmt_record *record,
                     const struct encode_context *context);

/* A region object without its end, for the runner's derived events. */
void encode_record_region(struct encoder *e, const struct pmt_region *region, const char *path);
