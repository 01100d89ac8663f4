/* Functions of libc that change the map on the way to something else: only their names, as the
 * cause of what happens inside. */
#include "shim/base/real.h"
#include "shim/hooks/hook.h"
#include "shim/kernel/threads.h"
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>

static bool begin(struct call *outer, enum pmt_call call, const char *name,
                  const struct call_frame *frame)
{
    if (!hook_begin(outer, call, 0, frame))
        return false;
    state_name_call(name);
    return true;
}

HOOK int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*start)(void *),
                        void *arg)
{
    struct call outer;
    if (!hook_begin(&outer, PMT_CALL_PTHREAD_CREATE, 0, HOOK_FRAME()))
        return real.pthread_create(id, attr, start, arg);
    thread_function announced = threads_announce(start, &arg);
    int result = real.pthread_create(id, attr, announced, arg);
    if (result != 0)
        threads_take_back(arg);
    hook_end(true, &outer, HOOK_CALLER());
    return result;
}

/* The body of the interposed functions. */
#define NOTE(which, name, type, behind)                                                            \
    struct call outer;                                                                             \
    bool noted = begin(&outer, which, name, HOOK_FRAME());                                         \
    type result = behind;                                                                          \
    hook_end(noted, &outer, HOOK_CALLER());                                                        \
    return result

HOOK int system(const char *command)
{
    NOTE(PMT_CALL_SYSTEM, command, int, real.system(command));
}

HOOK FILE *popen(const char *command, const char *mode)
{
    NOTE(PMT_CALL_POPEN, command, FILE *, real.popen(command, mode));
}

HOOK int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                     const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
    NOTE(PMT_CALL_POSIX_SPAWN, path, int, real.posix_spawn(pid, path, actions, attr, argv, envp));
}

HOOK int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                      const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
    NOTE(PMT_CALL_POSIX_SPAWNP, file, int, real.posix_spawnp(pid, file, actions, attr, argv, envp));
}
