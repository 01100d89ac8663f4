#include "runner/ptrace/proc.h"
#include "runner/base/memory.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *proc_read(pid_t pid, const char *name, size_t most, size_t *size)
{
    char path[64], *text = memory_get(most + 2);
    ssize_t got = 1;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (*size = 0; fd >= 0 && *size < most && got > 0; *size += got > 0 ? (size_t)got : 0)
        got = read(fd, text + *size, most - *size);
    if (fd >= 0)
        close(fd);
    return text;
}

static unsigned long long status_value(pid_t pid, const char *name, int base)
{
    size_t size, length = strlen(name);
    char *text = proc_read(pid, "status", 8192, &size);
    unsigned long long value = ~0ull;
    for (char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            value = strtoull(line + length + 1, NULL, base);
    }
    memory_put(text);
    return value;
}

long proc_status(pid_t pid, const char *name)
{
    return (long)status_value(pid, name, 10);
}

uint64_t proc_signals(pid_t tid, const char *name)
{
    uint64_t set = status_value(tid, name, 16);
    return set == UINT64_MAX ? 0 : set;
}

/* The name in field 2 may hold anything. */
uint64_t proc_stat_field(const char *text, unsigned wanted)
{
    const char *at = strrchr(text, ')');
    for (unsigned field = 2; at && field < wanted; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at ? strtoull(at, NULL, 10) : 0;
}

uint64_t proc_auxiliary(pid_t pid, unsigned word_size, uint64_t type)
{
    size_t size;
    char *vector = proc_read(pid, "auxv", 4096, &size);
    uint64_t value = 0;
    for (size_t at = 0; at + 2 * word_size <= size; at += 2 * word_size) {
        uint64_t pair[2] = {0, 0};
        memcpy(&pair[0], vector + at, word_size);
        memcpy(&pair[1], vector + at + word_size, word_size);
        if (pair[0] == type)
            value = pair[1];
    }
    memory_put(vector);
    return value;
}

void proc_program(pid_t pid, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/exe", pid);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = '\0';
}
