/* Text in a bounded buffer, and in it what JSON has: strings, numbers, and addresses as strings.
 * Used in the traced process, where there is no runner, and by the runner: so no allocation, and no
 * libc but memcpy and strlen.
 *
 * Strings: bytes that are not UTF-8 become the four characters \xNN, control characters \u00NN. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When it is full the rest is dropped and `full` is set. */
struct encoder {
    char *at;
    char *end;
    bool full;
};

void encode_start(struct encoder *e, char *buffer, size_t size);
void encode_raw(struct encoder *e, const char *text, size_t size);
#define encode_literal(e, text) encode_raw((e), "" text, sizeof(text) - 1)
void encode_chars(struct encoder *e, const char *text); /* NUL-terminated, written as it is */
void encode_unsigned(struct encoder *e, uint64_t value);
void encode_signed(struct encoder *e, int64_t value);
void encode_address(struct encoder *e, uint64_t value);                /* "0x..." with its quotes */
void encode_string(struct encoder *e, const char *bytes, size_t size); /* with its quotes */
/* With what stands in front: ",\"size\":". */
void encode_key_unsigned(struct encoder *e, const char *key, uint64_t value);
void encode_key_address(struct encoder *e, const char *key, uint64_t value);
void encode_key_string(struct encoder *e, const char *key, const char *bytes, size_t size);
void encode_key_chars(struct encoder *e, const char *key, const char *text);
/* Length of the UTF-8 sequence at `s` (RFC 3629: no overlong forms, no surrogates), 0 if it is
 * none. */
size_t encode_utf8_length(const unsigned char *s, size_t left);

static inline bool encode_has_room(const struct encoder *e, size_t size)
{
    return (size_t)(e->end - e->at) >= size;
}
