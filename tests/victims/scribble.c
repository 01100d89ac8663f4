/*
 * scribble [all|headers [NAME]]: overwrites the tracer's writable shared memory with garbage.
 *
 * Finds every mapping with NAME (default "memfd:procmap-trace") in its line of /proc/self/maps.
 * "all" overwrites each writable one from end to end, "headers" only its first 4 KiB. Then it
 * goes on allocating. The runner must say that the records are damaged and must not crash; the
 * program must reach "@ end".
 */
#include <fcntl.h>
#include <string.h>

#include "victim.h"

static char maps[1 << 20];

/* Read without stdio: nothing may be allocated between reading and writing. */
static void read_maps(void)
{
    int file = open("/proc/self/maps", O_RDONLY);
    size_t length = 0;
    ssize_t part;

    if (file < 0)
        give_up("/proc/self/maps");
    while ((part = read(file, maps + length, sizeof maps - 1 - length)) > 0)
        length += (size_t)part;
    maps[length] = '\0';
    close(file);
}

static void overwrite(volatile unsigned char *from, const volatile unsigned char *to)
{
    static unsigned int state = 88172645u;

    while (from < to)
        *from++ = (unsigned char)next_number(&state);
}

static int overwrite_all(const char *name, size_t limit)
{
    unsigned long start, end;
    char permissions[5];
    int found = 0;

    for (char *line = strtok(maps, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strstr(line, name) == NULL ||
            sscanf(line, "%lx-%lx %4s", &start, &end, permissions) != 3)
            continue;
        if (permissions[1] != 'w')
            continue;
        if (limit != 0 && end - start > limit)
            end = start + limit;
        overwrite((void *)start, (void *)end);
        found++;
    }
    return found;
}

int main(int argc, char *argv[])
{
    size_t limit = argc > 1 && strcmp(argv[1], "headers") == 0 ? 4096 : 0;
    const char *name = argc > 2 ? argv[2] : "memfd:procmap-trace";

    FREE(MALLOC(7001));
    FREE(MALLOC(700001));
    read_maps();
    say("@ scribbled %d\n", overwrite_all(name, limit));
    for (int round = 0; round < 3; round++) {
        void *small = MALLOC(7002);
        void *big = MALLOC(700002);
        FREE(small);
        FREE(big);
    }
    say("@ end\n");
    return 0;
}
