#include "shim/kernel/exec.h"
#include "shim/base/area.h"
#include "shim/base/environment.h"
#include "shim/kernel/exec_target.h"
#include "shim/ring/handover.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define MOST_VARIABLES 2048u /* more are left as they are */
#define MOST_TEXT (20u << 10)
#define MOST_THREADS 64u

/* Where the new environment is put together. A child of vfork(2) does that in its parent's memory,
 * and does not come back to give it free: so it stays with the thread, which goes on only when the
 * child has executed its program. */
static struct place {
    uintptr_t thread; /* the address of its `struct state_thread`; 0: free */
    struct room {
        char *list[MOST_VARIABLES + 3];
        char text[MOST_TEXT];
    } * room;
} places[MOST_THREADS];

static struct place *take_place(void)
{
    const uintptr_t own = (uintptr_t)&thread;
    uintptr_t none = 0;
    struct place *p = places, *end = places + MOST_THREADS;
    while (p < end && __atomic_load_n(&p->thread, __ATOMIC_RELAXED) != own)
        p++;
    for (p = p < end ? p : places; p < end; p++, none = 0)
        if (p->thread == own || __atomic_compare_exchange_n(&p->thread, &none, own, false,
                                                            __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            break;
    if (p < end && !p->room)
        p->room = area_get(sizeof *p->room);
    return p < end && p->room ? p : NULL;
}

static void give_back(struct place *p)
{
    __atomic_store_n(&p->thread, 0, __ATOMIC_RELEASE);
}

/* More than we can take, too, where the kernel will find memory that is not there. */
static size_t count(char *const *list)
{
    size_t n = 0;
    if (!list)
        return 0;
    while (n <= MOST_VARIABLES) {
        if (!sys_can_read(list + n) || (list[n] && !sys_can_read(list[n])))
            return MOST_VARIABLES + 1;
        if (!list[n])
            return n;
        n++;
    }
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

/* Of LD_PRELOAD as extend() makes it. */
static size_t preload_size(char *const *given, size_t n)
{
    size_t size = strlen(environment_preload()->shim) + SANITIZER_NAME + sizeof "LD_PRELOAD=::";
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

/* What is to be executed, and with which variables. */
static char *const *arguments(const struct sys_regs *regs, struct exec_target *target)
{
    bool at = regs->nr == __NR_execveat;
    const unsigned long *a = regs->args;
    *target = (struct exec_target){.directory = at ? (int)a[0] : AT_FDCWD,
                                   .path = (const char *)a[at ? 1 : 0],
                                   .argv = (char *const *)a[at ? 2 : 1]};
    target->by_fd = at && a[4] & AT_EMPTY_PATH && sys_can_read(target->path) && !*target->path;
    return (char *const *)a[at ? 3 : 2];
}

/* A child that its parent's ring must tell of: of an image that has ended by its program, its own
 * says so. */
static bool is_vfork_child(void)
{
    return (uint32_t)sys0(__NR_getpid) != live->pid;
}

static long execute_alone(const struct sys_regs *regs, enum pmt_unfollowed_reason reason,
                          const char *path)
{
    struct pmt_note *note =
        is_vfork_child() && live->ring ? handover_note(live->ring, reason, path) : NULL;
    long result = sys_call_regs(regs);
    if (note)
        note->reason = PMT_UNFOLLOWED_NONE;
    return result;
}

/* Where all of that is too much for the kernel it may be not without what is ours: then the program
 * runs, and is not traced. */
static long execute(const struct sys_regs *regs, char **list, const char *path)
{
    struct sys_regs changed = *regs;
    changed.args[regs->nr == __NR_execveat ? 3 : 2] = (unsigned long)list;
    long result = sys_call_regs(&changed);
    return result == -E2BIG ? execute_alone(regs, PMT_UNFOLLOWED_ENVIRONMENT, path) : result;
}

long exec_traced(const struct sys_regs *regs)
{
    struct exec_target target;
    char sanitizer[SANITIZER_NAME] = "";
    char *const *given = arguments(regs, &target);
    if (!environment_preload()->socket[0] || !sys_can_read(target.path))
        return sys_call_regs(regs);
    enum exec_target_kind kind = exec_target_look(&target, sanitizer);
    if (kind == EXEC_TARGET_NONE)
        return sys_call_regs(regs);
    size_t n = count(given);
    if (kind == EXEC_TARGET_ALONE || (n <= MOST_VARIABLES && is_only_listed(given, n)))
        return execute_alone(regs, PMT_UNFOLLOWED_PROGRAM, target.path);
    size_t size = n <= MOST_VARIABLES ? preload_size(given, n) : MOST_TEXT;
    struct place *place = 2 * size + sizeof PMT_ENV_PRELOAD <= MOST_TEXT ? take_place() : NULL;
    if (!place)
        return execute_alone(regs, PMT_UNFOLLOWED_ENVIRONMENT, target.path);
    struct room *room = place->room;
    extend(given, n, room->list, sanitizer, room->text, room->text + size);
    long result;
    if (is_vfork_child() && !handover_announce(strchr(environment_preload()->socket, '=') + 1))
        result = execute_alone(regs, PMT_UNFOLLOWED_UNREACHABLE, target.path);
    else
        result = execute(regs, room->list, target.path);
    give_back(place);
    return result;
}
