/* A library whose constructor and destructor change the map: ld.so calls them in the middle of its
 * work. */
#include <stdlib.h>
#include <sys/mman.h>

static void *block, *small, *own;

__attribute__((constructor)) static void begin(void)
{
    small = malloc(100);
    block = malloc(200000);
    own = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(own, 4096, PROT_READ);
}

__attribute__((destructor)) static void end(void)
{
    munmap(own, 3 * 4096);
    free(block);
    free(small);
}
