/* What an instruction does with memory: from outside the page fault's error code cannot be had. */
#pragma once

#include "schemas/fatal.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/user.h>

#define ACCESS_CODE 15u /* bytes of the longest instruction */

/* `code` as far as it can be read, with zeros behind; `address`: that it could not have. */
enum pmt_access access_of_instruction(const uint8_t code[ACCESS_CODE], bool is64,
                                      const struct user_regs_struct *regs, uint64_t address);
