/* Numbers that look random for the tests: the same in every run. A state is any number but 0. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* xorshift64* */
static inline uint32_t random_number(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * 0x2545f4914f6cdd1dull >> 32);
}

static inline uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return random_number(state) % limit;
}

static inline void mutate_bytes(char *bytes, size_t size, uint64_t *state)
{
    static const unsigned char often[] = {0, 1, 2, 4, 8, 0x22, 0x5c, 0x7f, 0x80, 0xff};
    for (unsigned n = 1 + random_number(state) % 4; n > 0 && size > 0; n--) {
        size_t at = random_number(state) % size;
        unsigned how = random_number(state);
        if (how % 3 == 0)
            bytes[at] = (char)often[random_number(state) % sizeof often];
        else if (how % 3 == 1)
            bytes[at] ^= (char)(1u << random_number(state) % 8);
        else
            bytes[at] = (char)random_number(state);
    }
}
