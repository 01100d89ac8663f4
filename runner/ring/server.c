#include "runner/ring/server.h"
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ASKING_SECONDS 10 /* between connecting and saying what for */

int server_open(struct server *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) < 0)
        return -errno;
    int length =
        snprintf(s->name, sizeof s->name, "procmap-trace.%d.%016" PRIx64, getpid(), random);
    memcpy(address.sun_path + 1, s->name, (size_t)length);
    s->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->socket < 0)
        return -errno;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    if (bind(s->socket, (struct sockaddr *)&address, size) < 0 || listen(s->socket, 16) < 0) {
        int error = -errno;
        close(s->socket);
        return error;
    }
    return 0;
}

void server_close(struct server *s)
{
    close(s->socket);
    s->socket = -1;
}

static bool may_ask(int client, const struct pmt_hello *hello, struct ucred *peer)
{
    socklen_t size = sizeof *peer;
    return getsockopt(client, SOL_SOCKET, SO_PEERCRED, peer, &size) == 0 &&
           peer->uid == geteuid() && hello->magic == PMT_RING_MAGIC &&
           hello->version == PMT_RING_VERSION;
}

static bool send_ring(int client, int fd)
{
    char byte = 1;
    struct iovec iov = {&byte, 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(client, &message, MSG_NOSIGNAL) == 1;
}

/* A signal interrupts it even where handlers have SA_RESTART, as there is a timeout: signal(7). */
static bool receive_hello(int client, struct pmt_hello *hello)
{
    struct timeval timeout = {.tv_sec = ASKING_SECONDS};
    ssize_t got;
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    do
        got = recv(client, hello, sizeof *hello, 0);
    while (got < 0 && errno == EINTR);
    return got == sizeof *hello;
}

int server_accept(struct server *s, struct pmt_hello *hello, pid_t *pid)
{
    int client = accept4(s->socket, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return -EAGAIN;
    struct ucred peer;
    if (!receive_hello(client, hello) || !may_ask(client, hello, &peer)) {
        close(client);
        return -EPERM;
    }
    *pid = peer.pid;
    return client;
}

bool server_answer(int client, const struct ring *ring)
{
    bool sent = send_ring(client, ring->fd);
    close(client);
    return sent;
}

void server_refuse(int client)
{
    close(client);
}
