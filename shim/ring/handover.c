#include "shim/ring/handover.h"
#include "shim/base/sys.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifdef __i386__
#define GETEUID __NR_geteuid32
#else
#define GETEUID __NR_geteuid
#endif

#define ANSWER_SECONDS 10

/* Who listens: the runner turns other users away, and nothing is told to somebody else. */
static bool is_of_our_user(int socket)
{
    struct ucred runner;
    socklen_t size = sizeof runner;
    return sys5(__NR_getsockopt, socket, SOL_SOCKET, SO_PEERCRED, &runner, &size) == 0 &&
           runner.uid == (uint32_t)sys0(GETEUID);
}

static int connect_to(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path + 1, name, length); /* a leading NUL: abstract, unix(7) */
    int fd = (int)sys3(__NR_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    struct {
        long sec, usec;
    } timeout = {ANSWER_SECONDS, 0};
    sys5(__NR_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    sys5(__NR_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout); /* of connect */
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    long result = sys3(__NR_connect, fd, &address, size);
    if (result == 0 && is_of_our_user(fd))
        return fd;
    if (result == 0)
        result = -EPERM;
    sys_close(fd);
    return (int)result;
}

/* The answer is one byte and one descriptor. */
static int receive_fd(int socket)
{
    char byte;
    struct iovec iov = {&byte, 1};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    long got;
    do /* signal(7): with a timeout, being stopped and continued is enough to interrupt it */
        got = sys3(__NR_recvmsg, socket, &message, MSG_CMSG_CLOEXEC);
    while (got == -EINTR);
    struct cmsghdr *c = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    int fd;
    if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof fd))
        return -EPROTO;
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

#define WHOLE (PMT_RING_HEADER_SIZE + PMT_RING_CAPACITY + PMT_RECORD_MAX)

/* The header page and the data, and as much of the data once more behind it as a record may need
 * that begins at their end: the first mapping reserves the place, its end is past the file. */
static struct pmt_ring *map_ring(int fd, void *place)
{
    const int prot = PROT_READ | PROT_WRITE, fixed = MAP_SHARED | MAP_FIXED;
    const unsigned long once = PMT_RING_HEADER_SIZE + PMT_RING_CAPACITY;
    char *base = sys_mmap(place, WHOLE, prot, place ? fixed : MAP_SHARED, fd, 0);
    if (!base)
        return NULL;
    sys_mmap(base, once, prot, fixed, fd, 0);
    char *again = sys_mmap(base + once, PMT_RECORD_MAX, prot, fixed, fd, PMT_RING_HEADER_SIZE);
    struct pmt_ring *ring = (struct pmt_ring *)base;
    if (again && ring->magic == PMT_RING_MAGIC && ring->version == PMT_RING_VERSION &&
        ring->capacity == PMT_RING_CAPACITY)
        return ring;
    sys2(__NR_munmap, base, WHOLE);
    return NULL;
}

void handover_forget(void *ring)
{
    sys2(__NR_munmap, ring, WHOLE);
}

static bool send_hello(int socket, enum pmt_origin origin, bool announces)
{
    struct pmt_hello hello = {.magic = PMT_RING_MAGIC,
                              .version = PMT_RING_VERSION,
                              .word_size = sizeof(long),
                              .pid = (uint32_t)sys0(__NR_getpid),
                              .origin = origin,
                              .announces = announces};
    return sys_call(__NR_sendto, (unsigned long)socket, (unsigned long)&hello, sizeof hello,
                    MSG_NOSIGNAL, 0, 0) == sizeof hello;
}

bool handover_announce(const char *socket_name)
{
    int socket = connect_to(socket_name);
    if (socket < 0)
        return false;
    bool sent = send_hello(socket, PMT_ORIGIN_EXEC, true);
    sys_close(socket);
    return sent;
}

struct pmt_note *handover_note(struct pmt_ring *ring, enum pmt_unfollowed_reason reason,
                               const char *path)
{
    uint32_t number = __atomic_add_fetch(&ring->notes, 1, __ATOMIC_RELAXED);
    struct pmt_note *note = &ring->note[(number - 1) % PMT_NOTES];
    note->pid = (uint32_t)sys0(__NR_getpid);
    note->reason = reason;
    note->path_size = (uint32_t)strnlen(path, sizeof note->path);
    memcpy(note->path, path, note->path_size);
    __atomic_store_n(&note->stamp, number, __ATOMIC_RELEASE);
    return note;
}

bool handover(struct live_page *page, const char *socket_name, void *place)
{
    int socket = connect_to(socket_name);
    if (socket < 0)
        return false;
    int fd = -1;
    if (send_hello(socket, place ? PMT_ORIGIN_FORK : PMT_ORIGIN_START, false))
        fd = receive_fd(socket);
    sys_close(socket);
    if (fd < 0)
        return false;
    struct pmt_ring *ring = map_ring(fd, place);
    sys_close(fd);
    if (!ring)
        return false;
    page->ring = ring;
    page->lost = ring->lost;
    page->data = (unsigned char *)ring + PMT_RING_HEADER_SIZE;
    page->mask = ring->capacity - 1;
    page->limit = ring->capacity;
    page->cookie = ring->cookie;
    page->clock = ring->clock;
    return true;
}
