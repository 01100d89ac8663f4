#include "runner/program/find.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int find_executable(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : -errno;
}

static int try_candidate(const char *dir, size_t dir_length, const char *name, char *path)
{
    char candidate[PATH_MAX];
    int length;
    if (dir_length == 0)
        length = snprintf(candidate, sizeof(candidate), "./%s", name);
    else
        length = snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)dir_length, dir, name);
    if (length < 0 || (size_t)length >= sizeof(candidate))
        return -ENAMETOOLONG;
    int error = find_executable(candidate);
    if (error == 0)
        memcpy(path, candidate, (size_t)length + 1);
    return error;
}

static int search_path(const char *name, char *path)
{
    const char *dirs = getenv("PATH");
    if (dirs == NULL)
        dirs = "/bin:/usr/bin";
    int result = -ENOENT;
    for (;;) {
        size_t length = strcspn(dirs, ":");
        int error = length < PATH_MAX ? try_candidate(dirs, length, name, path) : -ENAMETOOLONG;
        if (error == 0)
            return 0;
        if (error == -EACCES || error == -EISDIR)
            result = error;
        if (dirs[length] == '\0')
            return result;
        dirs += length + 1;
    }
}

int find_program(const char *name, char path[PATH_MAX])
{
    if (name[0] == '\0')
        return -ENOENT;
    size_t length = strlen(name);
    if (length >= PATH_MAX)
        return -ENAMETOOLONG;
    if (strchr(name, '/') == NULL)
        return search_path(name, path);
    int error = find_executable(name);
    if (error == 0)
        memcpy(path, name, length + 1);
    return error;
}
