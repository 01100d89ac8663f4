/*
 * joined: a block of malloc's mmap right behind the .bss of a library: the kernel makes one region
 * of both. Then realloc moves the block elsewhere, and it is freed.
 *
 * Says "@ bss-end 0xADDR" of the library and, after each call, "@ region 0xSTART 0xEND" of the
 * block. A tracer must not say that the .bss has grown when it means that the block is elsewhere,
 * and must not lose the block.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "victim.h"

enum { ROOM = 1 << 20 };

/* A library that is loaded with the room above it taken; the room. */
static char *load_below(uintptr_t *bss_end)
{
    char *room = mmap(NULL, ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *library = dlopen("libjoined.so", RTLD_NOW);
    uintptr_t (*end)(void) = library ? (uintptr_t(*)(void))dlsym(library, "joined_bss_end") : NULL;

    if (room == MAP_FAILED || !end)
        give_up("libjoined.so");
    *bss_end = end();
    return room;
}

static void say_region(const void *block)
{
    static char text[1 << 16];
    size_t length = 0;
    int maps = open("/proc/self/maps", O_RDONLY);

    for (ssize_t got; (got = read(maps, text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)got;
    close(maps);
    text[length] = '\0';
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start <= (unsigned long)block &&
            (unsigned long)block < end)
            say("@ region 0x%lx 0x%lx\n", start, end);
    }
}

int main(void)
{
    uintptr_t bss_end;
    char *room = load_below(&bss_end);
    size_t hole = (uintptr_t)room + ROOM - bss_end;

    say("@ bss-end 0x%lx\n", (unsigned long)bss_end);
    munmap(room, ROOM);
    char *block = MALLOC(hole - 64); /* with malloc's header, in whole pages: the hole */
    say_region(block);
    block = realloc(block, 2 * hole);
    say_region(block);
    FREE(block);
    say("@ end\n");
    return 0;
}
