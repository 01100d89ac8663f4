/*
 * map3 [N]: where does malloc find room for N ints (default 100), and what does free give back?
 *
 * Try 100, 1000, 10000, 30000 and 40000. A small block comes out of [heap]; a big one gets a
 * region of its own, which goes away with free. Where is the border?
 *
 * The first printf allocates, too: the buffer of stdout. So the heap is older than our own
 * malloc.
 */
#include "lab.h"

int *vdin; /* the pointer is a global variable; what it points to is not */

int main(int argc, char *argv[])
{
    unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
    unsigned long size = n * sizeof(int);
    unsigned long address;

    if (size / sizeof(int) != n) {
        fprintf(stderr, "map3: %lu ints do not fit into the address space\n", n);
        return EXIT_FAILURE;
    }
    printf("%lu ints are %lu bytes\n", n, size);
    printf("@ addr vdin %p\n", (void *)&vdin);
    show_map("before-malloc");

    vdin = malloc(size);
    printf("@ malloc %lu %p line %d\n", size, (void *)vdin, __LINE__ - 1);
    check(vdin != NULL, "malloc");
    for (unsigned long i = 0; i < n; i++)
        vdin[i] = (int)i;
    show_map("after-malloc");

    address = (unsigned long)vdin;
    free(vdin);
    printf("@ free %#lx line %d\n", address, __LINE__ - 1);
    show_map("after-free");
    return 0;
}
