/*
 * mremap_grow: a region that must move to grow.
 *
 * We map five pages and ask to make the first four larger. They cannot grow where they are, as
 * the fifth page is in the way, so the kernel moves them: new addresses, same contents. realloc
 * of a big block works this way.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "lab.h"

int main(void)
{
    size_t page = 4096;

    char *area = mmap(NULL, 5 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("@ mmap %zu %p line %d\n", 5 * page, (void *)area, __LINE__ - 1);
    check(area != MAP_FAILED, "mmap");
    char *in_the_way = area + 4 * page;
    strcpy(area, "still here");

    char *moved = mremap(area, 4 * page, 64 * page, MREMAP_MAYMOVE);
    printf("@ mremap %p %zu %p %zu line %d\n", (void *)area, 4 * page, (void *)moved, 64 * page,
           __LINE__ - 2);
    check(moved != MAP_FAILED, "mremap");
    printf("moved from %p to %p, contents: \"%s\"\n", (void *)area, (void *)moved, moved);

    char *small = mremap(moved, 64 * page, 2 * page, 0); /* shrinking never needs to move */
    printf("@ mremap %p %zu %p %zu line %d\n", (void *)moved, 64 * page, (void *)small, 2 * page,
           __LINE__ - 2);
    check(small != MAP_FAILED, "mremap");

    check(munmap(small, 2 * page) == 0, "munmap");
    printf("@ munmap %p %zu line %d\n", (void *)small, 2 * page, __LINE__ - 1);
    check(munmap(in_the_way, page) == 0, "munmap");
    printf("@ munmap %p %zu line %d\n", (void *)in_the_way, page, __LINE__ - 1);
    return 0;
}
