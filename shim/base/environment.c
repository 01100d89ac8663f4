#include "shim/base/environment.h"
#include "schemas/record.h"
#include <elf.h>
#include <string.h>

static long argc;
static char **argv;
static char *
    *variables; /* the pointers on the stack, NULL-terminated, before the auxiliary vector */

void environment_find(void *stack_end)
{
    argc = *(long *)stack_end;
    argv = (char **)stack_end + 1;
    variables = argv + argc + 1;
}

uint64_t environment_stack_end(void)
{
    return (uintptr_t)variables;
}

static char *value_of(const char *variable, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(variable, name, length) != 0 || variable[length] != '=')
        return NULL;
    return (char *)variable + length + 1;
}

char *const *environment_variables(void)
{
    return variables;
}

const char *environment_get(const char *name)
{
    for (char **at = variables; at && *at; at++)
        if (value_of(*at, name))
            return value_of(*at, name);
    return NULL;
}

bool environment_asks(void)
{
    return environment_get(PMT_ENV_SOCKET) || environment_get(PMT_ENV_OUTPUT);
}

const char *environment_arguments(size_t *size, size_t most)
{
    *size = 0;
    for (long i = 0; i < argc && argv[i]; i++) {
        size_t end = (size_t)(argv[i] - argv[0]) + strlen(argv[i]) + 1;
        if (end > most || argv[i] < argv[0]) /* a program may have moved them */
            break;
        *size = end;
    }
    return *size ? argv[0] : "";
}

static bool is_ours(const char *item, size_t length)
{
    return memmem(item, length, "libprocmap-trace", 16);
}

/* The runner puts the user's own LD_PRELOAD into PMT_ENV_PRELOAD; where a user set LD_PRELOAD by
 * hand for PROCMAP_TRACE_OUTPUT, only our library is taken from the list, which is
 * NAME[:NAME...]. */
static bool keep_preload(char *variable, bool by_runner, const char *own)
{
    static const char name[] = "LD_PRELOAD=";
    char *list = variable + sizeof name - 1, *to = list;
    if (by_runner) {
        if (!own)
            return false;
        strcpy(list, own); /* the list ended with ":" and this */
        return true;
    }
    for (char *item = list; *item;) {
        size_t length = strcspn(item, ": ");
        char separator = item[length];
        if (!is_ours(item, length)) {
            if (to != list)
                *to++ = ':';
            memmove(to, item, length);
            to += length;
        }
        item += length + (separator != '\0');
    }
    *to = '\0';
    return to != list;
}

/* The places behind the shortened list lie between it and the auxiliary vector. A program that
 * looks for the vector behind the NULL finds entries that say "ignore me" there. */
static void fill(char **from, char **end)
{
    *from++ = NULL;
    while (end - from >= 2) {
        *from++ = (char *)AT_IGNORE;
        *from++ = NULL;
    }
    if (from < end)
        *from = NULL;
}

static struct environment_preload settings;

const struct environment_preload *environment_preload(void)
{
    return &settings;
}

/* Of LD_PRELOAD the shim alone: what is before and behind it is this program's. */
static void keep_settings(void)
{
    const char *item = environment_get("LD_PRELOAD"), *socket = environment_get(PMT_ENV_SOCKET);
    size_t size = 0;
    for (; item && *item; item += size + (item[size] != '\0')) {
        size = strcspn(item, ": ");
        if (is_ours(item, size))
            break;
    }
    if (!socket || !item || !*item || size >= sizeof settings.shim ||
        strlen(socket) + 32 > sizeof settings.socket)
        return;
    memcpy(settings.shim, item, size);
    strcpy(settings.socket, PMT_ENV_SOCKET "=");
    strcat(settings.socket, socket);
}

void environment_clean(void)
{
    char **to = variables, **end = variables;
    bool by_runner = environment_get(PMT_ENV_SOCKET) != NULL;
    const char *own = environment_get(PMT_ENV_PRELOAD);
    keep_settings();
    while (*end)
        end++;
    for (char **at = variables; *at; at++) {
        bool ours = strncmp(*at, PMT_ENV_PREFIX, sizeof PMT_ENV_PREFIX - 1) == 0;
        if (strncmp(*at, "LD_PRELOAD=", 11) == 0)
            ours = !keep_preload(*at, by_runner, own);
        if (!ours)
            *to++ = *at;
    }
    if (to != end)
        fill(to, end + 1);
}
