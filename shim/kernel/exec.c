#include "shim/kernel/exec.h"
#include "shim/base/environment.h"
#include "shim/kernel/exec_target.h"
#include "shim/ring/handover.h"
#include <string.h>

#define MOST_VARIABLES                                                                             \
    2048u /* more are left as they are: the list is put together on the stack                      \
           *  */

static size_t count(char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

/* As the runner does for the first image (runner/program/launch.c): an even number of settings of
 * ours comes last, so that they can be taken out without a trace. `out` has room for three more
 * than `given`. */
static void extend(char *const *given, size_t n, char **out, const char *sanitizer, char *preload,
                   char *own)
{
    const struct environment_preload *ours = environment_preload();
    const char *user = NULL;
    size_t to = 0, length;
    for (size_t i = 0; i < n; i++) {
        bool is_preload = strncmp(given[i], "LD_PRELOAD=", 11) == 0;
        if (is_preload && !user) {
            user = given[i] + 11;
            out[to++] = preload;
        } else {
            out[to++] = given[i];
        }
    }
    const char *first = sanitizer_before(user, sanitizer, &length);
    strcpy(preload, "LD_PRELOAD=");
    if (length)
        strcat(strncat(preload, first, length), ":");
    strcat(preload, ours->shim);
    if (user) {
        strcat(strcat(preload, ":"), user);
        strcat(strcpy(own, PMT_ENV_PRELOAD "="), user);
    }
    out[to++] = (char *)ours->socket;
    out[to++] = user ? own : preload;
    out[to] = NULL;
}

static size_t preload_size(char *const *given, size_t n)
{
    size_t size =
        strlen(environment_preload()->shim) + SANITIZER_NAME + sizeof PMT_ENV_PRELOAD + 16;
    for (size_t i = 0; i < n; i++)
        if (strncmp(given[i], "LD_PRELOAD=", 11) == 0)
            return size + 2 * strlen(given[i]); /* of which one part may come twice */
    return size;
}

/* ldd's way to ask: ld.so prints what it would load, all that is in LD_PRELOAD too, and ends. */
static bool is_only_listed(char *const *given, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(given[i], "LD_TRACE_LOADED_OBJECTS=", 24) == 0)
            return true;
    return false;
}

long exec_traced(const struct sys_regs *regs)
{
    bool at = regs->nr == __NR_execveat;
    const unsigned long *a = regs->args;
    int directory = at ? (int)a[0] : EXEC_TARGET_CWD;
    char *const *given = (char *const *)a[at ? 3 : 2];
    size_t n = count(given);
    char sanitizer[SANITIZER_NAME] = "";
    if (!environment_preload()->socket[0] || n > MOST_VARIABLES || is_only_listed(given, n) ||
        !exec_target_loads_shim(directory, (const char *)a[at ? 1 : 0], at ? (int)a[4] : 0,
                                sanitizer))
        return sys_call_regs(regs);
    if ((uint32_t)sys0(__NR_getpid) != live->pid)
        handover_announce(strchr(environment_preload()->socket, '=') + 1);
    size_t size = preload_size(given, n);
    char *list[n + 3], preload[size], own[size];
    extend(given, n, list, sanitizer, preload, own);
    struct sys_regs changed = *regs;
    changed.args[at ? 3 : 2] = (unsigned long)list;
    return sys_call_regs(&changed);
}
