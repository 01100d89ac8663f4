/*
 * brk_direct: the heap without malloc.
 *
 * The heap ends at the "program break". sbrk(n) moves it by n bytes, brk(address) puts it at an
 * address. This is what malloc does inside; a program that uses malloc should leave it alone.
 */
#define _DEFAULT_SOURCE
#include "lab.h"

int main(void)
{
    printf("the first printf: its buffer is malloc's first block\n");
    char *start = sbrk(0); /* moves nothing, tells where the break is */
    printf("@ addr break %p\n", (void *)start);

    char *old = sbrk(10 * 4096); /* up by ten pages; the result is the old break */
    printf("@ brk %p %p line %d\n", (void *)old, sbrk(0), __LINE__ - 1);
    check(old != (void *)-1, "sbrk");
    old[0] = 'a'; /* ours now */
    old[10 * 4096 - 1] = 'z';

    old = sbrk(-4 * 4096); /* down by four */
    printf("@ brk %p %p line %d\n", (void *)old, sbrk(0), __LINE__ - 1);
    check(old != (void *)-1, "sbrk");

    old = sbrk(0);
    check(brk(start + 20 * 4096) == 0, "brk"); /* up to an address */
    printf("@ brk %p %p line %d\n", (void *)old, sbrk(0), __LINE__ - 1);

    old = sbrk(0);
    check(brk(start) == 0, "brk"); /* and all the way back */
    printf("@ brk %p %p line %d\n", (void *)old, sbrk(0), __LINE__ - 1);
    return 0;
}
