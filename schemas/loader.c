#include "schemas/loader.h"
#include <string.h>

bool loader_is_glibc(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strncmp(slash ? slash + 1 : path, "ld-linux", 8) == 0;
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Options with an argument: elf/rtld.c, dl_main(). */
static bool takes_argument(const char *option)
{
    static const char *const with[] = {
        "--library-path",         "--inhibit-rpath",     "--audit", "--preload", "--argv0",
        "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask",
    };
    for (unsigned i = 0; i < sizeof with / sizeof *with; i++)
        if (strcmp(option, with[i]) == 0)
            return true;
    return false;
}

bool loader_runs_program(char *const *argv)
{
    if (!argv || !argv[0])
        return false;
    for (argv++; *argv && starts(*argv, "--"); argv++) {
        if (starts(*argv, "--list") || starts(*argv, "--verify") || starts(*argv, "--help") ||
            starts(*argv, "--version"))
            return false;
        if (takes_argument(*argv) && argv[1])
            argv++;
    }
    return *argv;
}
