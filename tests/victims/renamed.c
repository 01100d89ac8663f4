/*
 * Renames a mapped file, changes the map beside it, deletes it, changes the map again: renamed
 * FILE.
 */
#define _GNU_SOURCE
#include "victim.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

static void map_beside(char *address)
{
    if (mmap(address, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        give_up("mmap");
}

int main(int argc, char *argv[])
{
    static char other[4096];
    if (argc != 2)
        give_up("usage");
    snprintf(other, sizeof other, "%s.renamed", argv[1]);
    char *area = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open(argv[1], O_RDWR | O_CREAT, 0600);
    if (area == MAP_FAILED || fd < 0 || ftruncate(fd, PAGE) != 0 ||
        mmap(area + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        give_up("mmap");
    if (rename(argv[1], other) != 0)
        give_up("rename");
    map_beside(area);
    if (unlink(other) != 0)
        give_up("unlink");
    map_beside(area + 2 * PAGE);
    say("@ end\n");
    return 0;
}
