/*
 * mprotect_split: one region becomes three, and one again.
 *
 * A region has one set of permissions. When the middle one of three pages becomes read-only, the
 * kernel has to split the region; when the permissions are equal again, it merges the parts. (It
 * may merge the three pages with an equal neighbour at the start, too: then the region is longer
 * than what we asked for.)
 */
#include <sys/mman.h>

#include "lab.h"

int main(void)
{
    size_t page = 4096;

    char *area = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("@ mmap %zu %p line %d\n", 3 * page, (void *)area, __LINE__ - 1);
    check(area != MAP_FAILED, "mmap");
    area[page] = 'x';

    check(mprotect(area + page, page, PROT_READ) == 0, "mprotect");
    printf("@ mprotect %p %zu %d line %d\n", (void *)(area + page), page, PROT_READ, __LINE__ - 1);
    printf("the middle page can be read: '%c'; a write would end in SIGSEGV\n", area[page]);

    check(mprotect(area + page, page, PROT_READ | PROT_WRITE) == 0, "mprotect");
    printf("@ mprotect %p %zu %d line %d\n", (void *)(area + page), page, PROT_READ | PROT_WRITE,
           __LINE__ - 2);
    area[page] = 'y';

    check(munmap(area, 3 * page) == 0, "munmap");
    printf("@ munmap %p %zu line %d\n", (void *)area, 3 * page, __LINE__ - 1);
    return 0;
}
