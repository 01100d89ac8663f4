/* Executes what cannot be executed, or only just. exec_odd bad: a FIFO, a device, pointers that
 * lead nowhere; exec_odd most: the most arguments that execve(2) takes; exec_odd spawn PROGRAM:
 * posix_spawn, three times. */
#include "victim.h"
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void tell(const char *what, int error)
{
    say("@ %s %s\n", what, strerror(error));
}

static void bad(char **nowhere)
{
    char *const argv[] = {"x", NULL}, *wrong[] = {"A=1", (char *)nowhere, NULL};
    pid_t child;
    mkfifo("fifo", 0777);
    execv("fifo", argv);
    tell("fifo", errno);
    tell("spawn", posix_spawn(&child, "fifo", NULL, NULL, argv, environ));
    execv("/dev/null", argv);
    tell("device", errno);

    execve((char *)nowhere, argv, environ);
    tell("path", errno);
    execve("/bin/true", argv, nowhere);
    tell("environment", errno);
    execve("/bin/true", argv, wrong);
    tell("variable", errno);
    unlink("fifo");
}

static int execute(size_t arguments)
{
    static char text[] = "xxxxxxxxxxxxxxxxxxx";
    char *const envp[] = {"A=1", NULL};
    char **argv = calloc(arguments + 2, sizeof *argv);
    int status;
    argv[0] = "true";
    for (size_t i = 1; i <= arguments; i++)
        argv[i] = text;
    pid_t child = fork();
    if (child == 0) {
        execve("/bin/true", argv, envp);
        _exit(errno);
    }
    waitpid(child, &status, 0);
    free(argv);
    return WEXITSTATUS(status);
}

static void most(void)
{
    size_t low = 0, high = 200000;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (execute(middle) == 0)
            low = middle;
        else
            high = middle;
    }
    say("@ most %zu\n", low);
    tell("then", execute(high));
}

static void spawn(char *program)
{
    for (int i = 0; i < 3; i++) {
        char *const argv[] = {program, NULL};
        pid_t child;
        int status;
        int error = posix_spawn(&child, program, NULL, NULL, argv, environ);
        waitpid(child, &status, 0);
        tell("spawn", error);
        say("@ status %d\n", WEXITSTATUS(status));
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bad") == 0)
        bad((char **)8);
    else if (argc > 1 && strcmp(argv[1], "most") == 0)
        most();
    else if (argc > 2)
        spawn(argv[2]);
    return 0;
}
