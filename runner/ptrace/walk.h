/* The stack of a stopped thread of another program, 32 or 64 bit, by elfutils (libdwfl). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct walk; /* of one image: its files and their tables */

struct walk *walk_new(pid_t pid);
void walk_free(struct walk *unwind); /* NULL is allowed */

/* Code was mapped, or [from, to) unmapped: if that concerns a file, the next walk looks at the
 * files again. */
void walk_file_mapped(struct walk *unwind);
void walk_unmapped(struct walk *unwind, uint64_t from, uint64_t to);

struct walk_thread {
    pid_t pid, tid;
    struct user_regs_struct regs;
    bool is64;
    /* A return address that has been replaced: where it lies and what it was; 0: none. */
    uint64_t replaced_at, replaced;
};

/* Return addresses, innermost first, the first one regs.rip. Returns how many, at least 1. */
uint32_t walk_stack(struct walk *unwind, const struct walk_thread *thread, uint64_t *ip,
                    uint32_t most);
