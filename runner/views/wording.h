/* How the timeline puts calls and changes into words. Each writes to `out`, terminated. */
#pragma once

#include "runner/model/view.h"

/* "malloc(400) = 0x5655b1a0", "free(0x5655b1a0)". `old`: realloc's argument, else 0; `addr`: 0 if
 * not known. */
void wording_allocator_call(char *out, size_t size, unsigned call, uint64_t bytes, uint64_t old,
                            uint64_t addr);

/* "mmap(length 160K) = 0xf7d5e000" */
void wording_system_call(const struct cause *c, char *out, size_t size);

/* Whether the program's call is the system call: mmap(2), not something that uses it. */
bool wording_is_system_call(const struct cause *c);

/* The program's call, whatever it was: harmless on a terminal. */
void wording_call(const struct cause *c, char *out, size_t size);

/* Who uses the stack that has grown: "30 calls of deep rec.c:11 use 2.9M of stack, 98K each".
 * False: that is not known. */
bool wording_stack_use(const struct model *m, const struct change *change, char *out, size_t size);

/* What is special about a change: "+132K, was 4K". */
void wording_note(const struct change *change, char *out, size_t size);
