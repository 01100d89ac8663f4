/* The stack of a stopped thread of another program, 32 or 64 bit, by elfutils (libdwfl). */
#ifndef PMT_UNWIND_H
#define PMT_UNWIND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct unwind; /* of one image: its files and their tables */

struct unwind *unwind_new(pid_t pid);
void unwind_free(struct unwind *unwind); /* NULL is allowed */

/* Code was mapped, or [from, to) unmapped: if that concerns a file, the next walk looks at the
 * files again. */
void unwind_file_mapped(struct unwind *unwind);
void unwind_unmapped(struct unwind *unwind, uint64_t from, uint64_t to);

struct unwind_thread {
    pid_t pid, tid;
    struct user_regs_struct regs;
    bool is64;
    /* A return address that has been replaced: where it lies and what it was; 0: none. */
    uint64_t replaced_at, replaced;
};

/* Return addresses, innermost first, the first one regs.rip. Returns how many, at least 1. */
uint32_t unwind_walk(struct unwind *unwind, const struct unwind_thread *thread, uint64_t *ip,
                     uint32_t most);

#endif
