/* Functions of libc that change the map on the way to something else: only their names, as the
 * cause of what happens inside. */
#include "shim/hooks/hook.h"
#include "shim/hooks/malloc.h"
#include "shim/kernel/threads.h"
#include "shim/looks/loader.h"
#include <dlfcn.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
    int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    int (*system)(const char *);
    FILE *(*popen)(const char *, const char *);
    int (*posix_spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const[], char *const[]);
    int (*posix_spawnp)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                        const posix_spawnattr_t *, char *const[], char *const[]);
} real;

void hooks_call_resolve(void)
{
    real.pthread_create = dlsym(RTLD_NEXT, "pthread_create");
    real.system = dlsym(RTLD_NEXT, "system");
    real.popen = dlsym(RTLD_NEXT, "popen");
    real.posix_spawn = dlsym(RTLD_NEXT, "posix_spawn");
    real.posix_spawnp = dlsym(RTLD_NEXT, "posix_spawnp");
}

void hooks_resolve(void)
{
    hooks_malloc_resolve();
    hooks_map_resolve();
    hooks_call_resolve();
    loader_resolve();
}

#define IN_CALL(type, which, name, expression)                                                     \
    do {                                                                                           \
        if (!hook_active() || thread.busy)                                                         \
            return expression;                                                                     \
        struct call outer;                                                                         \
        hook_enter(&outer, which, 0, HOOK_FRAME());                                                \
        hook_name(name);                                                                           \
        type result = expression;                                                                  \
        hook_look(HOOK_CALLER());                                                                  \
        hook_leave(&outer);                                                                        \
        return result;                                                                             \
    } while (0)

HOOK int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*start)(void *),
                        void *arg)
{
    if (!hook_active() || thread.busy)
        return real.pthread_create(id, attr, start, arg);
    struct call outer;
    hook_enter(&outer, PMT_CALL_PTHREAD_CREATE, 0, HOOK_FRAME());
    thread_function announced = threads_announce(start, &arg);
    int result = real.pthread_create(id, attr, announced, arg);
    if (result != 0)
        threads_take_back(arg);
    hook_look(HOOK_CALLER());
    hook_leave(&outer);
    return result;
}

HOOK int system(const char *command)
{
    IN_CALL(int, PMT_CALL_SYSTEM, command, real.system(command));
}

HOOK FILE *popen(const char *command, const char *mode)
{
    IN_CALL(FILE *, PMT_CALL_POPEN, command, real.popen(command, mode));
}

HOOK int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                     const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
    IN_CALL(int, PMT_CALL_POSIX_SPAWN, path,
            real.posix_spawn(pid, path, actions, attr, argv, envp));
}

HOOK int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                      const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
    IN_CALL(int, PMT_CALL_POSIX_SPAWNP, file,
            real.posix_spawnp(pid, file, actions, attr, argv, envp));
}
