/*
 * many_mallocs [N [verbose]]: N blocks of mixed sizes (default 100000), allocated in nested
 * functions.
 *
 * About one block in a thousand is bigger than 128 KiB, the size from which malloc uses mmap at
 * first. Watch what happens to that border when such a block is freed. Never more than LIVE
 * blocks exist at a time. With "verbose" each call is printed, else only the totals.
 */
#include <string.h>

#include "lab.h"

#define LIVE 64

static char *live[LIVE];
static unsigned long mallocs, frees, bytes, big;
static int verbose;

/* Small steps of a fixed sequence: the same sizes in every run. */
static unsigned int next_number(void)
{
    static unsigned int state = 12345;

    state = state * 1103515245u + 12345u;
    return state >> 8;
}

static char *innermost(size_t size)
{
    char *block = malloc(size);
    if (verbose)
        printf("@ malloc %zu %p line %d\n", size, (void *)block, __LINE__ - 2);
    check(block != NULL, "malloc");
    block[0] = 1;
    block[size - 1] = 1;
    mallocs++;
    bytes += size;
    return block;
}

static char *small_block(void)
{
    return innermost(1 + next_number() % 200);
}

static char *middle_block(void)
{
    return innermost(1000 + next_number() % 10000);
}

static char *big_block(void)
{
    big++;
    return innermost(128 * 1024 + next_number() % (400 * 1024));
}

static char *some_block(void)
{
    unsigned int choice = next_number() % 1000;

    if (choice == 0)
        return big_block();
    return choice < 100 ? middle_block() : small_block();
}

static void release(char **slot)
{
    volatile unsigned long address =
        (unsigned long)*slot; /* only the number: the block will be gone */

    if (*slot == NULL)
        return;
    free(*slot);
    if (verbose)
        printf("@ free %#lx line %d\n", address, __LINE__ - 2);
    *slot = NULL;
    frees++;
}

int main(int argc, char *argv[])
{
    unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;

    verbose = argc > 2 && strcmp(argv[2], "verbose") == 0;
    printf("%lu blocks\n", n);
    for (unsigned long i = 0; i < n; i++) {
        char **slot = &live[next_number() % LIVE];
        release(slot);
        *slot = some_block();
    }
    for (int i = 0; i < LIVE; i++)
        release(&live[i]);
    printf("@ total mallocs %lu frees %lu bytes %lu big %lu\n", mallocs, frees, bytes, big);
    return 0;
}
