/* runner/ring/server.c: whoever connects gets a ring if it asks rightly, whatever signals come
 * while it is on its way; nobody else does. */
#include "runner/ring/server.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h> /* needs the four above it */

static const struct pmt_hello hello = {
    .magic = PMT_RING_MAGIC, .version = PMT_RING_VERSION, .word_size = sizeof(long)};

static int connected(const struct server *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, s->name, strlen(s->name));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(s->name));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
    return fd;
}

/* What becomes of somebody who has connected. */
static int await(struct server *s, struct pmt_hello *got, pid_t *pid)
{
    struct pollfd fds[SERVER_POLLED];
    int client;
    while ((client = server_accept(s, got, pid)) == -EAGAIN || client == -EINPROGRESS)
        poll(fds, server_poll(s, fds), -1);
    return client;
}

static int ticks[2]; /* a pipe: a byte for each signal */

static void on_tick(int number)
{
    (void)number;
    if (write(ticks[1], "", 1) != 1)
        abort();
}

/* Says what it wants only after so many signals have interrupted the other side. */
static pid_t late_client(int fd, int signals)
{
    pid_t child = fork();
    char byte;
    if (child != 0)
        return child;
    close(ticks[1]); /* ends with its parent, if that fails */
    for (int i = 0; i < signals; i++)
        if (read(ticks[0], &byte, 1) != 1)
            _exit(1);
    _exit(send(fd, &hello, sizeof hello, 0) != sizeof hello);
}

static void test_signals_while_somebody_asks(void **state)
{
    (void)state;
    struct server s;
    struct pmt_hello got;
    pid_t pid = 0;
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
    assert_int_equal(server_open(&s), 0);
    assert_int_equal(pipe(ticks), 0);
    int fd = connected(&s);
    pid_t child = late_client(fd, 3);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    int client = await(&s, &got, &pid);
    setitimer(ITIMER_REAL, &never, NULL);
    assert_true(client >= 0);
    assert_memory_equal(&got, &hello, sizeof hello);
    assert_int_equal(pid, getpid()); /* who connected */
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    server_refuse(client);
    close(fd);
    server_close(&s);
}

static void assert_refused(const void *message, size_t size)
{
    struct server s;
    struct pmt_hello got;
    pid_t pid;
    char byte;
    assert_int_equal(server_open(&s), 0);
    assert_int_equal(server_accept(&s, &got, &pid), -EAGAIN);
    int fd = connected(&s);
    assert_int_equal(send(fd, message, size, 0), size);
    assert_int_equal(server_accept(&s, &got, &pid), -EPERM);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
    server_close(&s);
}

static void test_refused(void **state)
{
    (void)state;
    struct pmt_hello other = hello;
    other.version++;
    assert_refused(&other, sizeof other);
    other = hello;
    other.magic = 0;
    assert_refused(&other, sizeof other);
    assert_refused(&hello, sizeof hello - 1);
}

/* Those who say nothing are not waited for, nor are they in the way of others. */
static void test_silent(void **state)
{
    (void)state;
    struct server s;
    struct pmt_hello got;
    struct pollfd fds[SERVER_POLLED];
    pid_t pid;
    int silent[SERVER_SILENT + 2];
    char byte;
    assert_int_equal(server_open(&s), 0);
    for (unsigned i = 0; i < SERVER_SILENT + 2; i++) {
        silent[i] = connected(&s);
        assert_int_equal(server_accept(&s, &got, &pid), -EINPROGRESS);
    }
    assert_int_equal(server_accept(&s, &got, &pid), -EAGAIN);
    assert_int_equal(server_poll(&s, fds), SERVER_POLLED);
    int fd = connected(&s);
    assert_int_equal(send(fd, &hello, sizeof hello, 0), sizeof hello);
    int client = server_accept(&s, &got, &pid);
    assert_true(client >= 0);
    for (unsigned i = 0; i < 3; i++) /* the oldest had to go */
        assert_int_equal(recv(silent[i], &byte, 1, 0), 0);
    assert_int_equal(send(silent[9], &hello, sizeof hello, 0), sizeof hello);
    int other = server_accept(&s, &got, &pid);
    assert_true(other >= 0);
    assert_int_equal(server_accept(&s, &got, &pid), -EAGAIN);
    s.silent[0].until_ns = 0;
    assert_int_equal(server_accept(&s, &got, &pid), -EPERM);
    assert_int_equal(recv(silent[3], &byte, 1, 0), 0);
    server_refuse(client);
    server_refuse(other);
    server_close(&s);
    for (unsigned i = 0; i < SERVER_SILENT + 2; i++)
        close(silent[i]);
    close(fd);
}

/* Another user is turned away before anything is read. */
static void test_stranger(void **state)
{
    (void)state;
    struct server s;
    struct pmt_hello got;
    pid_t pid;
    int status;
    if (geteuid() != 0)
        skip();
    assert_int_equal(server_open(&s), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        if (setuid(65534) != 0)
            _exit(1);
        int fd = connected(&s);
        _exit(recv(fd, &byte, 1, 0) == 0 ? 0 : 2);
    }
    assert_int_equal(await(&s, &got, &pid), -EPERM);
    assert_int_equal(s.count, 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    server_close(&s);
}

static void test_answer(void **state)
{
    (void)state;
    struct server s;
    struct pmt_hello got;
    struct ring ring;
    pid_t pid;
    char byte = 0, control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    assert_int_equal(server_open(&s), 0);
    assert_int_equal(ring_create(&ring, ring_memory(), PMT_CLOCK_MONOTONIC, 0), 0);
    int fd = connected(&s);
    assert_int_equal(send(fd, &hello, sizeof hello, 0), sizeof hello);
    assert_true(server_answer(server_accept(&s, &got, &pid), &ring));
    assert_int_equal(recvmsg(fd, &message, MSG_CMSG_CLOEXEC), 1);
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    assert_true(c && c->cmsg_type == SCM_RIGHTS);
    int taken;
    memcpy(&taken, CMSG_DATA(c), sizeof taken);
    struct pmt_ring header;
    assert_int_equal(pread(taken, &header, sizeof header, 0), sizeof header);
    assert_int_equal(header.cookie, ring.cookie);
    close(taken);
    close(fd);
    ring_destroy(&ring);
    server_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_while_somebody_asks),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_stranger),
        cmocka_unit_test(test_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
