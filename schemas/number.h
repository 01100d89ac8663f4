/* Numbers as text, written where the caller has made sure of room: of PUT_NUMBER_ROOM bytes for
 * each number, since a little more is stored than the text is long. Each returns the end of its
 * text. No libc, no table that has to be made: for the encoder, in both word sizes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PUT_NUMBER_ROOM 24u /* UINT64_MAX has 20 digits */

/* A literal without its NUL. */
#define PUT(at, text) ((char *)__builtin_memcpy((at), "" text, sizeof(text) - 1) + sizeof(text) - 1)

static const char put_pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";

static inline void put_pair(char *at, uint32_t value)
{
    __builtin_memcpy(at, put_pairs + 2 * value, 2);
}

/* All eight digits of a value below 10^8. */
static inline char *put_eight(char *at, uint32_t value)
{
    uint32_t high = value / 10000, low = value % 10000;
    put_pair(at, high / 100);
    put_pair(at + 2, high % 100);
    put_pair(at + 4, low / 100);
    put_pair(at + 6, low % 100);
    return at + 8;
}

/* A value below 10^8 without leading zeros. */
static inline char *put_short(char *at, uint32_t value)
{
    unsigned digits = 1u + (value >= 10) + (value >= 100) + (value >= 1000) + (value >= 10000) +
                      (value >= 100000) + (value >= 1000000) + (value >= 10000000);
    char *end = at + digits, *to = end;
    for (; value >= 100; value /= 100)
        put_pair(to -= 2, value % 100);
    if (value >= 10)
        put_pair(to - 2, value);
    else
        to[-1] = (char)('0' + value);
    return end;
}

static inline char *put_unsigned(char *at, uint64_t value)
{
    const uint32_t split = 100000000;
    if (value < split)
        return put_short(at, (uint32_t)value);
    uint64_t high = value / split;
    uint32_t low = (uint32_t)(value - high * split);
    if (high >= split) {
        at = put_short(at, (uint32_t)(high / split));
        return put_eight(put_eight(at, (uint32_t)(high % split)), low);
    }
    return put_eight(put_short(at, (uint32_t)high), low);
}

/* The eight hexadecimal digits of a value, the first one in the lowest byte. */
static inline uint64_t put_hex_digits(uint32_t value)
{
    uint64_t x = value;
    x = (x << 16 | x) & 0x0000ffff0000ffff;
    x = (x << 8 | x) & 0x00ff00ff00ff00ff;
    x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0f; /* a digit a byte */
    uint64_t letters = (x + 0x0606060606060606) >> 4 & 0x0101010101010101;
    return __builtin_bswap64(x + 0x3030303030303030 + letters * ('a' - '9' - 1));
}

/* "0x..." with its quotes. */
static inline char *put_address(char *at, uint64_t value)
{
    uint32_t parts[] = {(uint32_t)(value >> 32), (uint32_t)value};
    at = PUT(at, "\"0x");
    unsigned part = parts[0] == 0;
    unsigned zeros = (unsigned)__builtin_clz(parts[part] | 1) / 4; /* not to be shown */
    uint64_t digits = put_hex_digits(parts[part]) >> 8 * zeros;
    __builtin_memcpy(at, &digits, sizeof digits);
    at += 8 - zeros;
    if (!part) {
        digits = put_hex_digits(parts[1]);
        __builtin_memcpy(at, &digits, sizeof digits);
        at += 8;
    }
    *at = '"';
    return at + 1;
}
