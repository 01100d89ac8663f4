#include "runner/symbols/reader.h"
#include "runner/base/memory.h"
#include "runner/symbols/answer.h"
#include "runner/symbols/confine.h"
#include "runner/symbols/inventory_answer.h"
#include "runner/symbols/resolver.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE (8u << 20) /* whatever the limit for ours is: DIEs nest */

struct reader {
    int socket;
    const char *debug_root;
    bool brief;
    struct {
        uint32_t size;
        char bytes[ANSWER_MAX];
    } * answer;
};

static bool read_all(int fd, void *out, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(fd, (char *)out + done, size - done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = write(fd, (const char *)bytes + done, size - done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool answer_inventory(const struct reader *r, struct resolver *resolver, const char *path)
{
    struct names names = {0};
    struct inventory inventory = {0};
    size_t size;
    resolver_inventory(resolver, path, &names, &inventory);
    char *bytes = inventory_write(&inventory, &size);
    uint32_t announced = (uint32_t)size;
    bool written =
        write_all(r->socket, &announced, sizeof announced) && write_all(r->socket, bytes, size);
    memory_put(bytes);
    inventory_free(&inventory);
    names_free(&names);
    return written;
}

static bool answer_sites(const struct reader *r, struct resolver *resolver, const char *path)
{
    static struct sites sites;
    memset(&sites, 0, sizeof sites);
    resolver_sites(resolver, path, &sites);
    uint32_t size = sites.count * (uint32_t)sizeof *sites.items;
    return write_all(r->socket, &size, sizeof size) && write_all(r->socket, sites.items, size);
}

static bool answer_moment(const struct reader *r, struct resolver *resolver, const char *path)
{
    static struct moment_places places;
    uint32_t size = sizeof places;
    memset(&places, 0, sizeof places);
    resolver_moment(resolver, path, path + strlen(path) + 1, &places);
    return write_all(r->socket, &size, sizeof size) && write_all(r->socket, &places, size);
}

static bool answer(const struct reader *r, struct resolver *resolver)
{
    struct question q;
    char path[2 * PATH_MAX];
    if (!read_all(r->socket, &q, sizeof q) || q.path_size >= sizeof path - 1 ||
        !read_all(r->socket, path, q.path_size))
        return false;
    memset(path + q.path_size, 0, 2);
    if (q.offset == QUESTION_INVENTORY)
        return answer_inventory(r, resolver, path);
    if (q.offset == QUESTION_MOMENT)
        return answer_moment(r, resolver, path);
    if (q.offset == QUESTION_SITES)
        return answer_sites(r, resolver, path);
    struct symbol symbol = resolver_find(resolver, path, q.offset);
    r->answer->size = (uint32_t)answer_write(&symbol, r->answer->bytes);
    return write_all(r->socket, r->answer, sizeof r->answer->size + r->answer->size);
}

static void *work(void *arg)
{
    struct reader *r = arg;
    if (!confine_files())
        _exit(1);
    struct resolver *resolver = resolver_new(r->debug_root, r->brief);
    r->answer = memory_get(sizeof *r->answer);
    while (answer(r, resolver))
        ;
    return NULL;
}

/* Nothing of the tool stays open here, nor do the signals of its terminal come. */
static void leave(struct reader *r)
{
    sigset_t all;
    setsid();
    sigfillset(&all);
    sigdelset(&all, SIGSYS);
    sigprocmask(SIG_SETMASK, &all, NULL);
    r->socket = dup2(r->socket, STDIN_FILENO);
    close_range(STDIN_FILENO + 1, ~0u, 0);
    confine_memory();
}

/* Ends when the other end is closed, whatever the thread is doing then. */
_Noreturn static void be_reader(struct reader *r)
{
    pthread_attr_t attr;
    pthread_t thread;
    leave(r);
    struct pollfd closed = {.fd = r->socket};
    if (pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK_SIZE) == 0 &&
        pthread_create(&thread, &attr, work, r) == 0)
        while (poll(&closed, 1, -1) != 1)
            ;
    _exit(0);
}

int reader_start(const char *debug_root, bool brief)
{
    int ends[2], status;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0 && fork() == 0)
        be_reader(&(struct reader){ends[1], debug_root, brief, NULL});
    if (pid == 0)
        _exit(0);
    close(ends[1]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid > 0)
        return ends[0];
    close(ends[0]);
    return -EAGAIN;
}
