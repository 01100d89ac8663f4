#include "runner/base/create_file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MOST_LINKS 40 /* path_resolution(7) */

/* On the way: the folder that has been reached, and what is left of the path. */
struct way {
    int folder;
    int file; /* -1: not there yet */
    unsigned links;
    char rest[PATH_MAX];
};

static bool may_be_a_trap(int folder, const struct stat *st)
{
    struct stat in;
    if (fstat(folder, &in) != 0)
        return true;
    return (in.st_mode & S_ISVTX) && (in.st_mode & S_IWOTH) && st->st_uid != geteuid() &&
           st->st_uid != in.st_uid;
}

static int enter(struct way *w, const char *folder)
{
    int fd = openat(w->folder, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (w->folder >= 0)
        close(w->folder);
    w->folder = fd;
    return 0;
}

/* The links of /proc/PID/fd are the kernel's own, and lead where no path does. */
static bool is_of_proc(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* What the link says, before the rest of the path. */
static int follow(struct way *w, int link, const char *rest)
{
    char path[PATH_MAX];
    ssize_t length = readlinkat(link, "", path, sizeof path);
    if (length < 0)
        return -errno;
    if (++w->links > MOST_LINKS)
        return -ELOOP;
    size_t more = strlen(rest);
    if ((size_t)length + more >= sizeof path)
        return -ENAMETOOLONG;
    memcpy(path + length, rest, more + 1);
    memcpy(w->rest, path, (size_t)length + more + 1);
    return path[0] == '/' ? enter(w, "/") : 0;
}

static int check(int folder, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -errno;
    return !S_ISDIR(st.st_mode) && may_be_a_trap(folder, &st) ? -EACCES : 0;
}

static int open_last(struct way *w, const char *name, bool by_proc)
{
    struct stat st;
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (by_proc ? 0 : O_NOFOLLOW);
    w->file = openat(w->folder, name, flags, 0600);
    if (w->file < 0)
        return -errno;
    int error = by_proc ? 0 : check(w->folder, w->file);
    if (!error && fstat(w->file, &st) == 0 && S_ISREG(st.st_mode) && ftruncate(w->file, 0) != 0)
        error = -errno;
    if (error)
        close(w->file);
    return error;
}

/* By the next name, of which `found` is a descriptor. */
static int pass(struct way *w, const char *name, const char *rest, int found)
{
    char target[2];
    bool link = readlinkat(found, "", target, sizeof target) >= 0,
         by_proc = link && is_of_proc(found);
    int error = check(w->folder, found);
    if (error)
        return error;
    if (link && !by_proc)
        return follow(w, found, rest);
    if (*rest == '\0')
        return open_last(w, name, by_proc);
    memmove(w->rest, rest, strlen(rest) + 1);
    return enter(w, name);
}

static int step(struct way *w)
{
    char name[NAME_MAX + 1] = ".";
    const char *begin = w->rest + strspn(w->rest, "/");
    size_t length = strcspn(begin, "/");
    const char *rest = begin + length;
    if (length >= sizeof name)
        return -ENAMETOOLONG;
    if (length)
        memcpy(name, begin, length);
    name[length ? length : 1] = '\0';
    int found = openat(w->folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (found < 0)
        return errno == ENOENT && *rest == '\0' ? open_last(w, name, false) : -errno;
    int error = pass(w, name, rest, found);
    close(found);
    return error;
}

int create_file(const char *path)
{
    struct way w = {.folder = AT_FDCWD, .file = -1};
    size_t length = strlen(path);
    if (length >= sizeof w.rest)
        return -ENAMETOOLONG;
    memcpy(w.rest, path, length + 1);
    int error = length ? enter(&w, path[0] == '/' ? "/" : ".") : -ENOENT;
    while (!error && w.file < 0)
        error = step(&w);
    if (w.folder >= 0)
        close(w.folder);
    return error ? error : w.file;
}
