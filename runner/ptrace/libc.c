#include "runner/ptrace/libc.h"
#include "runner/base/text.h"
#include "runner/ptrace/looks.h"
#include "runner/ptrace/proc.h"
#include <elf.h>
#include <stdio.h>
#include <string.h>

/* The libc of a program that is dynamically linked: a file whose name begins so, and its code. */
static bool find_libc(struct recorder *r, struct space *space, pid_t pid)
{
    static const char *const names[] = {"/libc.so.", "/libc-2.", "/ld-musl-"};
    char path[PMT_PATH_MAX + 64];
    struct maps *maps = &r->maps;
    uint64_t at = 0;
    looks_start(r, space);
    for (; maps_next(maps, at); at = maps->region.end) {
        snprintf(path, sizeof path, "/proc/%d/root%.*s", pid, maps->region.path_size, maps->path);
        const char *name = strrchr(path, '/');
        for (size_t i = 0; (maps->region.perms & PMT_PERM_EXEC) && i < 3; i++)
            if (text_starts(name, names[i]))
                return breakpoints_find(&space->breakpoints, path, maps->region.start,
                                        maps->region.offset, 0);
    }
    return false;
}

void libc_find_allocator(struct recorder *r, struct space *space, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    uint64_t entry = proc_auxiliary(pid, space->word_size, AT_ENTRY);
    if (breakpoints_find(&space->breakpoints, path, 0, 0, entry) || find_libc(r, space, pid))
        breakpoints_set(&space->breakpoints, pid);
}
