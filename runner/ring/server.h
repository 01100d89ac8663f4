/* Hands rings over to the shims that ask for one (the other side is shim/ring/handover.c). */
#ifndef PMT_ATTACH_H
#define PMT_ATTACH_H

#include "runner/ring/ring.h"
#include <sys/types.h>

struct attach {
    int socket;    /* listens; poll(2) for input */
    char name[64]; /* of the abstract Unix socket */
};

int attach_init(struct attach *attach); /* 0 or -errno */
void attach_close(struct attach *attach);

/* The next shim that asks for a ring: its connection, `*hello` and `*pid`; or -EAGAIN: none,
 * -EPERM: one of another user or another version, which is turned away. */
int attach_accept(struct attach *attach, struct pmt_hello *hello, pid_t *pid);

/* Hands the ring over and ends the connection. False: it was not taken. */
bool attach_answer(int client, const struct ring *ring);
void attach_refuse(int client);

#endif
