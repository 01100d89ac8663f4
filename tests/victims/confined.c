/*
 * confined WHAT: takes something away from itself, then allocates, maps, starts a thread and forks.
 *
 *   close-range         closes every descriptor but standard output
 *   unshare             new name spaces for mounts, network, IPC and host name (root)
 *   chroot              an empty folder, made by the test in the current one as "empty" (root)
 *   nobody              gives up root
 *   as nofile stack     lowers RLIMIT_AS to what it has and 64 MiB more, RLIMIT_NOFILE to 0 (what
 * is open stays), RLIMIT_STACK to 256 KiB nproc               RLIMIT_NPROC 0: for other users than
 * root, thread and fork fail
 *
 * Prints what worked and what did not, the same with a tracer as without; 77 if WHAT is not
 * allowed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "victim.h"

static void *in_thread(void *argument)
{
    free(malloc(3000));
    return argument;
}

static int try_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, in_thread, NULL) != 0)
        return 0;
    pthread_join(thread, NULL);
    return 1;
}

static int try_fork(void)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        free(malloc(500000));
        _exit(5);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 5;
}

static int try_mmap(size_t size)
{
    void *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return area != MAP_FAILED && munmap(area, size) == 0;
}

static void work(const char *when)
{
    void *small = malloc(60000), *big = malloc(500000);
    void *volatile huge = malloc(100u << 20);

    say("@ %s malloc small %d big %d huge %d\n", when, small != NULL, big != NULL, huge != NULL);
    free(huge);
    free(big);
    free(small);
    say("@ %s mmap %d thread %d fork %d\n", when, try_mmap(100000), try_thread(), try_fork());
}

static unsigned long address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%lu", &pages) != 1)
        give_up("/proc/self/statm");
    fclose(file);
    return pages * 4096;
}

static int lower(int what, unsigned long value)
{
    struct rlimit limit = {value, value};

    return setrlimit(what, &limit);
}

static int confine(const char *what)
{
    if (strcmp(what, "close-range") == 0) {
        close(STDIN_FILENO);
        return close_range(STDOUT_FILENO + 1, ~0u, 0);
    }
    if (strcmp(what, "unshare") == 0)
        return unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
    if (strcmp(what, "chroot") == 0)
        return chroot("empty") == 0 ? chdir("/") : -1;
    if (strcmp(what, "nobody") == 0)
        return setresgid(65534, 65534, 65534) == 0 ? setresuid(65534, 65534, 65534) : -1;
    if (strcmp(what, "as") == 0)
        return lower(RLIMIT_AS, address_space() + (64u << 20));
    if (strcmp(what, "nofile") == 0)
        return lower(RLIMIT_NOFILE, 0);
    if (strcmp(what, "stack") == 0)
        return lower(RLIMIT_STACK, 256u << 10);
    if (strcmp(what, "nproc") == 0)
        return lower(RLIMIT_NPROC, 0);
    exit(2);
}

int main(int argc, char *argv[])
{
    const char *what = argc > 1 ? argv[1] : "";

    work("before");
    if (confine(what) != 0) {
        say("@ refused %d\n", errno);
        return 77;
    }
    work("after");
    say("@ end\n");
    return 0;
}
