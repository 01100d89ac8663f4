/* Where allocator functions begin in a traced program, and the breakpoints there. */
#pragma once

#include "schemas/record.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define BREAKPOINTS_INT3 0xcc

struct breakpoint {
    uint64_t address;
    enum pmt_call call;
    uint8_t code[16]; /* of the function; its first byte gives way to the breakpoint instruction */
};

#define BREAKPOINTS_MAX 16

struct breakpoints {
    struct breakpoint items[BREAKPOINTS_MAX];
    size_t count;
    bool of_program; /* the file is the program itself, and has a malloc */
    bool glibc;      /* the allocator is glibc's: chunk headers can be read */
    uint64_t lo;     /* the code that they are in: segment of the file ... */
    uint64_t hi;
    /* ... and in it a byte that happens to be a breakpoint instruction. Calls are made to return
     * there: so nothing has to be written where they really return to, and stepped over. */
    uint64_t trap;
    uint64_t abort_message; /* glibc's variable __abort_msg; 0: it is not known */
    uint64_t system_call;   /* and the instruction of a system call; 0: there is none */
};

/* The allocator's functions in an ELF file that is mapped so that the part of the file from
 * `offset` on, of an executable segment, is at `start`. `start` 0: the mapping is found by the
 * address of the entry point, `entry`. Returns whether there is a malloc in it. */
bool breakpoints_find(struct breakpoints *out, const char *path, uint64_t start, uint64_t offset,
                      uint64_t entry);

const struct breakpoint *breakpoints_at(const struct breakpoints *b, uint64_t address);

/* Writes them into the memory of a stopped thread; forgets those for which that is not possible. */
void breakpoints_set(struct breakpoints *b, pid_t tid);
void breakpoints_remove(const struct breakpoints *b, pid_t tid);
