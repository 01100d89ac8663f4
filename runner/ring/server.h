/* Hands rings over to the shims that ask for one (the other side is shim/ring/handover.c). */
#pragma once

#include "runner/ring/ring.h"
#include <poll.h>
#include <sys/types.h>

#define SERVER_QUEUE 4096u /* so many may wait to be let in, the kernel's own limit */
#define SERVER_SILENT 64u  /* likewise to be heard; then the oldest of them has to go */
#define SERVER_POLLED (1 + SERVER_SILENT)

/* The name of an abstract socket is no secret: anybody may connect. */
struct server {
    int socket;    /* listens */
    char name[64]; /* of the abstract Unix socket */
    struct server_peer {
        int fd;
        pid_t pid;
        uint64_t until_ns;   /* CLOCK_MONOTONIC, when it is not listened to any more */
    } silent[SERVER_SILENT]; /* our user's, connected, and have said nothing so far */
    unsigned count;          /* of silent */
};

int server_open(struct server *server); /* 0 or -errno */
void server_close(struct server *server);

/* What is to be polled for input before server_accept(); returns how many there are. */
unsigned server_poll(const struct server *server, struct pollfd fds[SERVER_POLLED]);

/* The next shim that asks for a ring: its connection, `*hello` and `*pid`; or -EAGAIN: none,
 * -EPERM: one of another user (of which nothing is read), of another version or one that was silent
 * for too long, which is turned away, -EINPROGRESS: one that has said nothing yet. Never waits. */
int server_accept(struct server *server, struct pmt_hello *hello, pid_t *pid);

/* Hands the ring over and ends the connection. False: it was not taken. */
bool server_answer(int client, const struct ring *ring);
void server_refuse(int client);
