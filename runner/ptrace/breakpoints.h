/* Where allocator functions begin in a traced program, and the first instruction of such a
 * function. */
#ifndef PMT_BREAKPOINTS_H
#define PMT_BREAKPOINTS_H

#include "schemas/record.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/user.h>

#define BREAKPOINTS_INT3 0xcc

struct breakpoint {
    uint64_t address;
    enum pmt_call call;
    uint8_t
        code[16]; /* of the function; in place of the first byte is the breakpoint instruction */
};

#define BREAKPOINTS_MAX 16

struct breakpoints {
    struct breakpoint items[BREAKPOINTS_MAX];
    size_t count;
    bool glibc;  /* the allocator is glibc's: chunk headers can be read */
    uint64_t lo; /* the code that they are in: segment of the file ... */
    uint64_t hi;
    /* ... and in it a byte that happens to be a breakpoint instruction. Calls are made to return
     * there: so nothing has to be written where they really return to, and stepped over. */
    uint64_t trap;
};

/* The allocator's functions in an ELF file that is mapped so that the part of the file from
 * `offset` on, of an executable segment, is at `start`. `start` 0: the mapping is found by the
 * address of the entry point, `entry`. Returns whether there is a malloc in it. */
bool breakpoints_find(struct breakpoints *out, const char *path, uint64_t start, uint64_t offset,
                      uint64_t entry);

const struct breakpoint *breakpoints_at(const struct breakpoints *b, uint64_t address);

/* An allocator call that a thread is in. */
struct allocator_call {
    enum pmt_call call; /* PMT_CALL_NONE: none */
    uint64_t size, old_addr, alignment, result_at;
    uint64_t began, began_ns;
    uint64_t sp;        /* at its entry: there is the address to return to ... */
    uint64_t return_to; /* ... really */
    uint32_t stack_id;
};

/* Does to registers what the instruction at regs->rip does, if it is of the few kinds that
 * functions mostly begin with. `code`: its bytes; `is64`: of a 64-bit program. What it stores:
 * `*store` bytes of *value at regs->rsp. `byte_at`: if it compares a byte of memory, called first
 * with its address. Returns false, and has done nothing, if it cannot. */
bool breakpoints_emulate(struct user_regs_struct *regs, const uint8_t code[16], bool is64,
                         bool (*byte_at)(void *arg, uint64_t address, uint8_t *out), void *arg,
                         uint64_t *value, unsigned *store);

#endif
