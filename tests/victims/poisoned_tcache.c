/*
 * poisoned_tcache [threads]: malloc returns the first address of a region, below which nothing may
 * be read, as a link in glibc's list of free blocks was overwritten (heap exploitation).
 *
 * glibc reads nothing in front of the block there. With `threads` the program has a second one.
 */
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#include "victim.h"

static void *thread(void *arg)
{
    return arg;
}

int main(int argc, char **argv)
{
    char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *page = two + 4096;
    pthread_t id;

    mprotect(two, 4096, PROT_NONE);
    if (argv[argc - 1][0] == 't' && pthread_create(&id, NULL, thread, NULL) == 0)
        pthread_join(id, NULL);
    uintptr_t *volatile a = malloc(64), *volatile b = malloc(64);
    free(a);
    free(b);
    b[0] = (uintptr_t)page ^ ((uintptr_t)b >> 12); /* safe linking, since glibc 2.32 */
    char *volatile c = malloc(64), *volatile d = malloc(64);
    say("@ end %s\n", d == page ? "the page" : "another block");
    return c == d;
}
