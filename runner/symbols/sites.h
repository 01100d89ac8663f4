/* Places in a file's code that make a system call with a number that is known: `mov $number, %eax`
 * and a little behind it the instruction that enters the kernel. A few bytes can look so by
 * chance. */
#pragma once

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct site {
    uint64_t offset; /* of the entering instruction, in the file */
    uint16_t number;
    bool by_i386; /* the call has the number of the 32-bit ABI */
};

#define SITES_MAX 256u

struct sites {
    struct site items[SITES_MAX];
    uint32_t count;
};

void sites_find(struct sites *out, Elf *elf);
