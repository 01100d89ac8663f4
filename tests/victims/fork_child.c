/*
 * fork_child: every way to make a process: fork, vfork + exec, posix_spawn, popen, system, clone
 * without CLONE_VM, and fork while another thread is inside malloc.
 *
 * The children malloc a lot, munmap and exit; the parent waits and prints "@ result KIND STATUS".
 * A tracer that does not follow children must show none of their events, must not be corrupted by
 * them, must not deadlock, and must not disturb them ("@ child KIND ok" from each, nothing from
 * the loader on stderr).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "victim.h"

extern char **environ;

static char self[4096];

static int child_work(const char *kind)
{
    void *block[100];

    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 100; i++)
            block[i] = malloc(77 + (size_t)i * 3000);
        for (int i = 0; i < 100; i++)
            free(block[i]);
    }
    char *area = mmap(NULL, 7 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return 1;
    memset(area, 1, 7 * 4096);
    munmap(area, 7 * 4096);
    say("@ child %s ok\n", kind);
    return 21;
}

static void wait_for(const char *kind, pid_t child)
{
    int status = -1;

    if (child < 0)
        give_up(kind);
    while (waitpid(child, &status, 0) < 0)
        ;
    say("@ result %s %d\n", kind, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    FREE(MALLOC(5000));
}

static void with_fork(void)
{
    pid_t child = fork();

    if (child == 0)
        exit(child_work("fork"));
    wait_for("fork", child);
}

static void with_vfork(void)
{
    char *arguments[] = {self, "vfork", NULL};
    pid_t child = vfork();

    if (child == 0) {
        execv(self, arguments);
        _exit(127);
    }
    wait_for("vfork", child);
}

static void with_posix_spawn(void)
{
    char *arguments[] = {self, "posix_spawn", NULL};
    pid_t child = -1;

    if (posix_spawn(&child, self, NULL, NULL, arguments, environ) != 0)
        give_up("posix_spawn");
    wait_for("posix_spawn", child);
}

/* The shell finds this program in the environment, whatever characters its path has. */
static void with_popen(void)
{
    char line[200] = "";
    FILE *pipe = popen("\"$FORK_CHILD\" popen", "r");

    if (pipe == NULL)
        give_up("popen");
    while (fgets(line, sizeof line, pipe) != NULL)
        say("%s", line);
    int status = pclose(pipe);
    say("@ result popen %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void with_system(void)
{
    int status = system("\"$FORK_CHILD\" system");

    say("@ result system %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static int clone_main(void *kind)
{
    return child_work(kind);
}

static void with_clone(void)
{
    static char stack[256 * 1024] __attribute__((aligned(16)));

    wait_for("clone", clone(clone_main, stack + sizeof stack, SIGCHLD, "clone"));
}

static volatile int busy = 1;

static void *keep_busy(void *argument)
{
    while (busy) {
        free(malloc(100));
        free(malloc(300000));
    }
    return argument;
}

static void with_busy_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, keep_busy, NULL) != 0)
        give_up("pthread_create");
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(child_work("fork-busy"));
        wait_for("fork-busy", child);
    }
    busy = 0;
    pthread_join(thread, NULL);
}

int main(int argc, char *argv[])
{
    if (argc > 1)
        return child_work(argv[1]);

    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        give_up("/proc/self/exe");
    setenv("FORK_CHILD", self, 1);
    FREE(MALLOC(4000));
    with_fork();
    with_vfork();
    with_posix_spawn();
    with_popen();
    with_system();
    with_clone();
    with_busy_thread();
    FREE(MALLOC(6000));
    say("@ end\n");
    return 0;
}
