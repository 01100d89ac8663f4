/* Text, and what people can read of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static inline bool text_starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Length of the printable character at `text`; 0: to be escaped, byte by byte. */
size_t text_printable(const char *text, size_t left);

/* Bytes of the traced program, harmless on a terminal: control characters and what is not UTF-8
 * become \xNN. At most `width` columns, then "..."; 0: no limit. Returns the columns written. */
size_t text_escape(FILE *out, const char *bytes, size_t size, size_t width);

/* "4K", "136K", "2448K", "26.7M", "512B": into `out`, terminated. Whole K are exact up to 16M. */
#define TEXT_SIZE 24 /* for the 20 digits of 2^64, too */
char *text_size(char out[TEXT_SIZE], uint64_t bytes);
char *text_exact_size(char out[TEXT_SIZE],
                      uint64_t bytes); /* in the largest unit without a fraction */

/* "1 byte", "400 bytes" */
#define TEXT_BYTES 28
char *text_bytes(char out[TEXT_BYTES], uint64_t bytes);
