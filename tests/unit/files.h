/* Files of a test, in a folder of its own. */
#pragma once

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* needs those above it */

static char root[] = "/tmp/procmap-trace-unit.XXXXXX";

static inline int make_root(void)
{
    return mkdtemp(root) ? 0 : -1;
}

static inline int remove_root(void)
{
    char command[sizeof root + 16];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

/* The path of a file there; a few of them last at the same time. */
static inline const char *in_root(const char *name)
{
    static char paths[8][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, PATH_MAX, "%s/%s", root, name);
    return path;
}

/* A new file, even if there was one. */
static inline const char *write_file(const char *name, const void *bytes, size_t size, mode_t mode)
{
    const char *path = in_root(name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}
