#include "runner/ring/server.h"
#include "runner/base/now.h"
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ASKING_NS 10000000000u /* between connecting and saying what for */

int server_open(struct server *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint64_t random = 0;
    s->count = 0;
    if (getrandom(&random, sizeof random, 0) < 0)
        return -errno;
    int length =
        snprintf(s->name, sizeof s->name, "procmap-trace.%d.%016" PRIx64, getpid(), random);
    memcpy(address.sun_path + 1, s->name, (size_t)length);
    s->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->socket < 0)
        return -errno;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    if (bind(s->socket, (struct sockaddr *)&address, size) < 0 ||
        listen(s->socket, SERVER_QUEUE) < 0) {
        int error = -errno;
        close(s->socket);
        return error;
    }
    return 0;
}

void server_close(struct server *s)
{
    for (unsigned i = 0; i < s->count; i++)
        close(s->silent[i].fd);
    s->count = 0;
    close(s->socket);
    s->socket = -1;
}

unsigned server_poll(const struct server *s, struct pollfd fds[SERVER_POLLED])
{
    fds[0] = (struct pollfd){.fd = s->socket, .events = POLLIN};
    for (unsigned i = 0; i < s->count; i++)
        fds[i + 1] = (struct pollfd){.fd = s->silent[i].fd, .events = POLLIN};
    return s->count + 1;
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

static int take_out(struct server *s, unsigned which)
{
    int client = s->silent[which].fd;
    s->count--;
    memmove(&s->silent[which], &s->silent[which + 1], (s->count - which) * sizeof s->silent[which]);
    return client;
}

/* One of those that have connected: what it says, if it has said something by now. */
static int hear(struct server *s, unsigned which, struct pmt_hello *hello, pid_t *pid)
{
    const struct server_peer peer = s->silent[which];
    ssize_t got = recv(peer.fd, hello, sizeof *hello, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR) && now_ns(CLOCK_MONOTONIC) < peer.until_ns)
        return -EAGAIN;
    int client = take_out(s, which);
    *pid = peer.pid;
    if (got == sizeof *hello && hello->magic == PMT_RING_MAGIC &&
        hello->version == PMT_RING_VERSION)
        return client;
    close(client);
    return -EPERM;
}

/* Nothing is read of a stranger, and nobody is waited for. */
static int let_in(struct server *s)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    int client = accept4(s->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0)
        return -EAGAIN;
    if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != geteuid()) {
        close(client);
        return -EPERM;
    }
    if (s->count == SERVER_SILENT)
        close(take_out(s, 0));
    s->silent[s->count++] =
        (struct server_peer){client, peer.pid, now_ns(CLOCK_MONOTONIC) + ASKING_NS};
    return 0;
}

int server_accept(struct server *s, struct pmt_hello *hello, pid_t *pid)
{
    for (unsigned i = 0; i < s->count; i++) {
        int client = hear(s, i, hello, pid);
        if (client != -EAGAIN)
            return client;
    }
    int error = let_in(s);
    if (error)
        return error;
    int client = hear(s, s->count - 1, hello, pid);
    return client == -EAGAIN ? -EINPROGRESS : client;
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
