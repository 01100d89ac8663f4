/* Hands rings over to the shims that ask for one (the other side is shim/handover.c). */
#ifndef PMT_ATTACH_H
#define PMT_ATTACH_H

#include "ring.h"

struct attach {
    int socket;    /* listens; poll(2) for input */
    char name[64]; /* of the abstract Unix socket */
};

int attach_init(struct attach *attach); /* 0 or -errno */
void attach_close(struct attach *attach);

/* Answers one shim, if one asks: 1 and `*pid`; 0: none, or one of another user or another version.
 * The ring must be created; it is handed over only once. */
int attach_accept(struct attach *attach, struct ring *ring, uint32_t *pid);

#endif
