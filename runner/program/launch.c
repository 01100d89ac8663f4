#include "runner/program/launch.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "schemas/record.h"
#include "schemas/sanitizer.h"
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

static char *setting(const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *text = memory_get(size);
    snprintf(text, size, "%s=%s", name, value);
    return text;
}

/* `user`: the list that the user has there. */
static char *preload_setting(const struct launch *l, const char *user)
{
    size_t length;
    const char *first = sanitizer_before(user, l->sanitizer, &length);
    size_t size = length + strlen(l->shim) + strlen(user) + sizeof "LD_PRELOAD=::";
    char *text = memory_get(size);
    snprintf(text, size, "LD_PRELOAD=%.*s%s%s%s%s", (int)length, first, length ? ":" : "", l->shim,
             *user ? ":" : "", user);
    return text;
}

/* The user's, and what is meant for the shim. Our variables come last, an even number of them: so
 * shim/base/environment.c can take them out again without a trace, as the auxiliary vector behind
 * them has entries of two words. */
static char **environment(const struct launch *l)
{
    size_t count = 0, to = 0;
    const char *preload = NULL;
    while (environ[count])
        count++;
    char **out = memory_get((count + 3) * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        if (l->shim && !preload && text_starts(environ[i], "LD_PRELOAD=")) {
            preload = strchr(environ[i], '=') + 1;
            out[to++] = preload_setting(l, preload);
        } else if (!text_starts(environ[i], PMT_ENV_PREFIX)) {
            out[to++] = environ[i];
        }
    }
    if (l->shim) {
        out[to++] = setting(PMT_ENV_SOCKET, l->socket);
        out[to++] = preload ? setting(PMT_ENV_PRELOAD, preload) : preload_setting(l, "");
    }
    return out;
}

static const int limited[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NOFILE};
#define LIMITS (sizeof limited / sizeof *limited)
static struct rlimit given[LIMITS];
/* SIGXFSZ goes with RLIMIT_FSIZE; where SIGCHLD is ignored, nobody learns how a child ended. */
static const struct {
    int number;
    void (*action)(int);
} own_actions[] = {{SIGXFSZ, SIG_IGN}, {SIGCHLD, SIG_DFL}};
#define ACTIONS (sizeof own_actions / sizeof *own_actions)
static void (*given_actions[ACTIONS])(int);

void launch_raise_limits(void)
{
    for (size_t i = 0; i < ACTIONS; i++)
        given_actions[i] = signal(own_actions[i].number, own_actions[i].action);
    for (size_t i = 0; i < LIMITS; i++) {
        getrlimit(limited[i], &given[i]);
        struct rlimit high = {given[i].rlim_max, given[i].rlim_max};
        setrlimit(limited[i], &high);
    }
}

char **launch_become(const struct launch *l)
{
    char **envp = environment(l); /* before there may be too little memory */
    if (l->stdout_to_stderr)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    if (l->no_aslr)
        personality((unsigned long)personality(0xffffffff) | ADDR_NO_RANDOMIZE);
    for (size_t i = 0; i < LIMITS; i++)
        setrlimit(limited[i], &given[i]);
    for (size_t i = 0; i < ACTIONS; i++)
        signal(own_actions[i].number, given_actions[i]);
    return envp;
}

static void execute(const struct launch *l, int report)
{
    execve(l->path, l->argv, launch_become(l));
    if (errno == E2BIG && l->shim) { /* the shim's settings were too much */
        struct launch alone = *l;
        alone.shim = NULL;
        execve(l->path, l->argv, environment(&alone));
    }
    int error = errno;
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
    fflush(NULL);
    *pid = fork();
    if (*pid < 0) {
        error = -errno;
        close(report[0]);
        close(report[1]);
        return error;
    }
    if (*pid == 0) {
        close(report[0]);
        execute(l, report[1]);
    }
    close(report[1]);
    if (read(report[0], &error, sizeof error) == sizeof error) {
        waitpid(*pid, NULL, 0);
        *executing = true;
    }
    close(report[0]);
    return -error;
}
