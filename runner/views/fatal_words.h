/* What is said of a fatal signal. */
#pragma once

#include "runner/model/last_words.h"
#include "runner/views/line.h"

#define FATAL_WORDS_SIZE 1500u

/* "SIGSEGV: write to 0x10" */
void fatal_words_headline(const struct model *m, const struct pmt_fatal *f, char *out, size_t size);

/* Why, as far as it is known; "" if there is no more to say. Bytes of the program in it, not
 * escaped. */
void fatal_words_reason(const struct model *m, const struct pmt_fatal *f, char *out, size_t size);

/* What lies at the address, and the block of malloc that is concerned; likewise. */
void fatal_words_place(const struct model *m, const struct pmt_fatal *f, const struct place *p,
                       char *out, size_t size);
void fatal_words_block(const struct model *m, const struct pmt_fatal *f, const struct place *p,
                       char *out, size_t size);

/* The block that is freed again, as it was freed before; likewise. */
void fatal_words_freed_before(const struct model *m, const struct pmt_fatal *f, char *out,
                              size_t size);
