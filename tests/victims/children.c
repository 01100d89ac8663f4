/*
 * children KIND: makes a child in one way. The child allocates a block whose size says which way it
 * was, changes the map, and ends with status 21; prints "@ child KIND PID" and "@ result KIND
 * STATUS".
 *
 *   fork vfork posix_spawn system popen clone clone-vm daemon unseen threads
 *
 * A tracer that follows must show each child with the parent's map (fork, clone) or a map of its
 * own (the others). clone-vm shares our memory and is no image of its own. The daemon's parents end
 * at once; it goes on until its standard input ends, and then prints "@ daemon-end". The unseen
 * child is made by a system call of our own and makes only such until its standard input ends:
 * nobody can hear of it before. We do not wait for it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "victim.h"

extern char **environ;

static char self[4096];

/* 70000 and the length of the name; 7 shared pages, which merge with nothing. */
static int child_work(const char *kind)
{
    FREE(MALLOC(70000 + strlen(kind)));
    void *area = mmap(NULL, 7 * 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return 1;
    munmap(area, 7 * 4096);
    say("@ child %s %d\n", kind, (int)getpid());
    return 21;
}

static void result(const char *kind, pid_t child)
{
    int status = -1;

    if (child < 0)
        give_up(kind);
    while (waitpid(child, &status, 0) < 0)
        ;
    say("@ result %s %d\n", kind, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void with_fork(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(child_work("fork"));
    result("fork", child);
}

static void with_vfork(void)
{
    char *arguments[] = {self, "child", "vfork", NULL};
    pid_t child = vfork();

    if (child == 0) {
        execv(self, arguments);
        _exit(127);
    }
    result("vfork", child);
}

static void with_posix_spawn(void)
{
    char *arguments[] = {self, "child", "posix_spawn", NULL};
    pid_t child = -1;

    if (posix_spawn(&child, self, NULL, NULL, arguments, environ) != 0)
        give_up("posix_spawn");
    result("posix_spawn", child);
}

static void with_shell(const char *kind)
{
    char line[200] = "";

    if (strcmp(kind, "system") == 0) {
        say("@ result system %d\n", WEXITSTATUS(system("\"$SELF\" child system")));
        return;
    }
    FILE *pipe = popen("\"$SELF\" child popen", "r");
    if (pipe == NULL)
        give_up("popen");
    while (fgets(line, sizeof line, pipe) != NULL)
        say("%s", line);
    say("@ result popen %d\n", WEXITSTATUS(pclose(pipe)));
}

static int clone_main(void *kind)
{
    return child_work(kind);
}

static int clone_main_vm(void *kind)
{
    say("@ child %s %d\n", (const char *)kind, (int)getpid());
    return 21;
}

static void with_clone(const char *kind)
{
    static char stack[256 * 1024] __attribute__((aligned(16)));
    int shares = strcmp(kind, "clone-vm") == 0;

    result(kind, clone(shares ? clone_main_vm : clone_main, stack + sizeof stack,
                       SIGCHLD | (shares ? CLONE_VM : 0), (void *)kind));
}

static void daemon_main(void)
{
    char byte;

    child_work("daemon");
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    FREE(MALLOC(80000));
    say("@ daemon-end\n");
}

static void with_daemon(void)
{
    pid_t child = fork();

    if (child == 0) {
        setsid();
        if (fork() == 0)
            daemon_main();
        _exit(21);
    }
    result("daemon", child);
}

#if defined __i386__

static long own_call(long number, long a, long b, long c)
{
    __asm__ volatile("int $0x80" : "+a"(number) : "b"(a), "c"(b), "d"(c) : "memory");
    return number;
}

#else

static long own_call(long number, long a, long b, long c)
{
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return number;
}

#endif

static void with_unseen(void)
{
    static char byte;
    long child = own_call(SYS_fork, 0, 0, 0);

    if (child < 0)
        give_up("fork");
    if (child > 0)
        return;
    while (own_call(SYS_read, STDIN_FILENO, (long)&byte, 1) > 0)
        ;
    _exit(child_work("unseen"));
}

static void *fork_here(void *argument)
{
    pid_t child = fork();

    if (child == 0)
        _exit(child_work("threads"));
    result("threads", child);
    return argument;
}

static void in_threads(void)
{
    pthread_t thread[4];

    for (int i = 0; i < 4; i++)
        if (pthread_create(&thread[i], NULL, fork_here, NULL) != 0)
            give_up("pthread_create");
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
}

int main(int argc, char *argv[])
{
    const char *kind = argc > 1 ? argv[1] : "fork";

    if (argc > 2)
        return child_work(argv[2]);
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        give_up("/proc/self/exe");
    setenv("SELF", self, 1);
    FREE(MALLOC(4000));
    if (strcmp(kind, "fork") == 0)
        with_fork();
    else if (strcmp(kind, "vfork") == 0)
        with_vfork();
    else if (strcmp(kind, "posix_spawn") == 0)
        with_posix_spawn();
    else if (strncmp(kind, "clone", 5) == 0)
        with_clone(kind);
    else if (strcmp(kind, "daemon") == 0)
        with_daemon();
    else if (strcmp(kind, "unseen") == 0)
        with_unseen();
    else if (strcmp(kind, "threads") == 0)
        in_threads();
    else
        with_shell(kind);
    FREE(MALLOC(6000));
    say("@ end\n");
    return 0;
}
