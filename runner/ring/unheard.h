/* Processes that may ask for a ring yet, though no image of theirs is there to wait for. Decided by
 * what the kernel knows, never by how long it takes:
 * - A child of fork(2) has its parent's ring mapped until it has one of its own. So the ring of an
 *   image that has ended is looked at until nobody has it any more.
 * - A child of vfork(2) or posix_spawn(3) that is about to execute a program is announced
 *   (pmt_hello.announces), and waited for until it has asked or ended. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct unheard {
    struct unheard_of {
        int fd;    /* a ring's memfd, or a pidfd ... */
        pid_t pid; /* ... of this process; 0: a ring's */
    } * items;
    size_t count, room;
};

/* The memfd is closed when it is not needed any more. The runner itself has it unmapped. */
void unheard_add_ring(struct unheard *unheard, int memfd);
void unheard_add_process(struct unheard *unheard, pid_t pid);

/* It has asked. */
void unheard_remove_process(struct unheard *unheard, pid_t pid);

/* Whether there is any such process now. */
bool unheard_any(struct unheard *unheard);

void unheard_free(struct unheard *unheard);
