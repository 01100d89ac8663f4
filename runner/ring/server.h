/* Hands rings over to the shims that ask for one (the other side is shim/ring/handover.c). */
#pragma once

#include "runner/ring/ring.h"
#include <sys/types.h>

struct server {
    int socket;    /* listens; poll(2) for input */
    char name[64]; /* of the abstract Unix socket */
};

int server_open(struct server *server); /* 0 or -errno */
void server_close(struct server *server);

/* The next shim that asks for a ring: its connection, `*hello` and `*pid`; or -EAGAIN: none,
 * -EPERM: one of another user or another version, which is turned away. */
int server_accept(struct server *server, struct pmt_hello *hello, pid_t *pid);

/* Hands the ring over and ends the connection. False: it was not taken. */
bool server_answer(int client, const struct ring *ring);
void server_refuse(int client);
