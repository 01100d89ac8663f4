/* The first instruction of a function, in whose place a breakpoint is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

/* Does to registers what the instruction at regs->rip does, if it is of the few kinds that
 * functions mostly begin with. `code`: its bytes; `is64`: of a 64-bit program. What it stores:
 * `*store` bytes of *value at regs->rsp. `byte_at`: if it compares a byte of memory, called first
 * with its address. Returns false, and has done nothing, if it cannot. */
bool emulate_instruction(struct user_regs_struct *regs, const uint8_t code[16], bool is64,
                         bool (*byte_at)(void *arg, uint64_t address, uint8_t *out), void *arg,
                         uint64_t *value, unsigned *store);
