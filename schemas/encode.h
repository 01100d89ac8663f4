/* Raw records as JSON Lines (schemas/event.schema.json). Used in the traced process, where there is
 * no runner, and by the runner: so no allocation, no libc but memcpy, and fast enough for every
 * malloc.
 *
 * Strings: bytes that are not UTF-8 become the four characters \xNN, control characters \u00NN. */
#ifndef PMT_ENCODE_H
#define PMT_ENCODE_H

#include "schemas/record.h"
#include <stdbool.h>
#include <stddef.h>

/* A bounded buffer; when it is full the rest is dropped and `full` is set. */
struct encoder {
    char *at;
    char *end;
    bool full;
};

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
    void (*frame_extra)(struct encoder *e, void *arg, const struct pmt_stack *stack,
                        uint32_t index);
    void (*thread_extra)(struct encoder *e, void *arg, const struct pmt_thread *thread);
    void (*exit_extra)(struct encoder *e, void *arg, const struct pmt_exit *exit);
    void *arg;
};

void encode_start(struct encoder *e, char *buffer, size_t size);
void encode_raw(struct encoder *e, const char *text, size_t size);
#define encode_literal(e, text) encode_raw((e), "" text, sizeof(text) - 1)
void encode_chars(struct encoder *e, const char *text); /* NUL-terminated, written as it is */
void encode_unsigned(struct encoder *e, uint64_t value);
void encode_signed(struct encoder *e, int64_t value);
void encode_address(struct encoder *e, uint64_t value);                /* "0x..." with its quotes */
void encode_string(struct encoder *e, const char *bytes, size_t size); /* with its quotes */
/* Length of the UTF-8 sequence at `s` (RFC 3629: no overlong forms, no surrogates), 0 if it is
 * none. */
size_t encode_utf8_length(const unsigned char *s, size_t left);

void encode_perms(char out[4], unsigned perms); /* "rwxp", not terminated */

/* One record as one line with its newline. The record must have passed record_valid() or come from
 * the shim itself. Returns the bytes written, 0 if they did not fit. */
size_t encode_record(char *buffer, size_t size, const struct pmt_record *record,
                     const struct encode_context *context);

/* The parts of a region object and of a `within` object, for the runner's derived events. */
void encode_region(struct encoder *e, const struct pmt_region *region, const char *path);
const char *encode_call_name(unsigned call);
const char *encode_reason_name(unsigned reason);
const char *encode_loss_name(unsigned loss);
const char *encode_origin_name(unsigned origin); /* enum pmt_origin; likewise the next three */
const char *encode_backend_name(unsigned backend);
const char *encode_end_name(unsigned end);
const char *encode_thread_event_name(unsigned event);
/* How many arguments the system call has; the other words of pmt_kernel.args mean nothing. */
unsigned encode_argument_count(unsigned call);
const char *encode_errno_name(int error); /* NULL if the number has no name here */

/* Where the block of an alloc record lies: "heap", "mmap", "arena", "unknown", NULL if none. */
const char *encode_placement(const struct pmt_alloc *a);
/* Usable bytes of the block, 0 if not known. `word_size` of the process: 4 or 8. */
uint64_t encode_usable(const struct pmt_alloc *a, unsigned word_size);

#endif
