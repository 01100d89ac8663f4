#include "runner/program/launch.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "schemas/record.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ld.so replaces $LIB by what fits the word size of each program. */
#define SHIM "lib/procmap-trace/$LIB/libprocmap-trace.so"
#define SHIM_HERE "lib/procmap-trace/lib/libprocmap-trace.so"

int launch_find_shim(char *path, size_t size)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return -errno;
    self[length] = '\0';
    for (int up = 0; up < 2; up++) { /* ROOT/bin/procmap-trace */
        char *slash = strrchr(self, '/');
        if (slash)
            *slash = '\0';
    }
    if ((size_t)snprintf(path, size, "%s/%s", self, SHIM_HERE) >= size)
        return -ENAMETOOLONG;
    if (strpbrk(path, ": $"))
        return -EINVAL;
    if (access(path, R_OK) != 0)
        return -errno;
    snprintf(path, size, "%s/%s", self, SHIM);
    return 0;
}

char **launch_environment(size_t more)
{
    size_t count = 0, to = 0;
    while (environ[count])
        count++;
    char **list = memory_get((count + more + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++)
        if (!text_starts(environ[i], PMT_ENV_PREFIX))
            list[to++] = environ[i];
    return list;
}

static char *setting(const char *name, const char *value, const char *more)
{
    size_t size = strlen(name) + strlen(value) + strlen(more) + 3;
    char *text = memory_get(size);
    snprintf(text, size, "%s=%s%s%s", name, value, *more ? ":" : "", more);
    return text;
}

/* The child's, and the settings in it that are ours to free. */
struct environment {
    char *own[3];
    size_t own_count;
    char **list;
};

static char *own(struct environment *e, char *text)
{
    return e->own[e->own_count++] = text;
}

static void free_environment(struct environment *e)
{
    for (size_t i = 0; i < e->own_count; i++)
        memory_put(e->own[i]);
    memory_put(e->list);
}

/* Our variables come last, an even number of them: so shim/base/environment.c can take them out
 * again without a trace, as the auxiliary vector behind them has entries of two words. */
static struct environment environment(const struct launch *l)
{
    struct environment e = {.list = launch_environment(2)};
    char **at = e.list;
    while (*at && !text_starts(*at, "LD_PRELOAD="))
        at++;
    const char *preload = *at ? strchr(*at, '=') + 1 : NULL;
    if (preload)
        *at = own(&e, setting("LD_PRELOAD", l->shim, preload));
    while (*at)
        at++;
    *at++ = own(&e, setting(PMT_ENV_SOCKET, l->socket, ""));
    *at = own(&e,
              preload ? setting(PMT_ENV_PRELOAD, preload, "") : setting("LD_PRELOAD", l->shim, ""));
    return e;
}

static const int limited[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NOFILE};
#define LIMITS (sizeof limited / sizeof *limited)
static struct rlimit given[LIMITS];
static void (*given_action)(int); /* of SIGXFSZ, the signal that goes with RLIMIT_FSIZE */

void launch_raise_limits(void)
{
    given_action = signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < LIMITS; i++) {
        getrlimit(limited[i], &given[i]);
        struct rlimit high = {given[i].rlim_max, given[i].rlim_max};
        setrlimit(limited[i], &high);
    }
}

void launch_become(const struct launch *l)
{
    if (l->stdout_to_stderr)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    if (l->no_aslr)
        personality((unsigned long)personality(0xffffffff) | ADDR_NO_RANDOMIZE);
    for (size_t i = 0; i < LIMITS; i++)
        setrlimit(limited[i], &given[i]);
    signal(SIGXFSZ, given_action);
}

static void execute(const struct launch *l, char **envp, int report)
{
    int error;
    launch_become(l);
    execve(l->path, l->argv, envp);
    error = errno;
    if (write(report, &error, sizeof error) < 0)
        _exit(126);
    _exit(126);
}

int launch_program(const struct launch *l, pid_t *pid, bool *executing)
{
    int report[2], error = 0;
    *executing = false;
    if (pipe2(report, O_CLOEXEC) < 0)
        return -errno;
    struct environment e = environment(l);
    fflush(NULL);
    *pid = fork();
    if (*pid < 0) {
        error = -errno;
        free_environment(&e);
        close(report[0]);
        close(report[1]);
        return error;
    }
    if (*pid == 0) {
        close(report[0]);
        execute(l, e.list, report[1]);
    }
    close(report[1]);
    if (read(report[0], &error, sizeof error) == sizeof error) {
        waitpid(*pid, NULL, 0);
        *executing = true;
    }
    close(report[0]);
    free_environment(&e);
    return -error;
}
