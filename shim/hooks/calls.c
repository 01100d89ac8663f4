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

HOOK int system(const char *command)
{
    struct call outer;
    bool noted = begin(&outer, PMT_CALL_SYSTEM, command, HOOK_FRAME());
    int result = real.system(command);
    hook_end(noted, &outer, HOOK_CALLER());
    return result;
}

HOOK FILE *popen(const char *command, const char *mode)
{
    struct call outer;
    bool noted = begin(&outer, PMT_CALL_POPEN, command, HOOK_FRAME());
    FILE *result = real.popen(command, mode);
    hook_end(noted, &outer, HOOK_CALLER());
    return result;
}

HOOK int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                     const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
    struct call outer;
    bool noted = begin(&outer, PMT_CALL_POSIX_SPAWN, path, HOOK_FRAME());
    int result = real.posix_spawn(pid, path, actions, attr, argv, envp);
    hook_end(noted, &outer, HOOK_CALLER());
    return result;
}

HOOK int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                      const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
    struct call outer;
    bool noted = begin(&outer, PMT_CALL_POSIX_SPAWNP, file, HOOK_FRAME());
    int result = real.posix_spawnp(pid, file, actions, attr, argv, envp);
    hook_end(noted, &outer, HOOK_CALLER());
    return result;
}
