/*
 * crash: a program that dies. Its last events are still there to look at.
 *
 * After some mallocs it writes through a null pointer. No region of the map contains address 0,
 * so the kernel sends SIGSEGV. The three blocks are never freed.
 */
#include "lab.h"

int main(void)
{
    char *small = malloc(100);
    printf("@ malloc 100 %p line %d\n", (void *)small, __LINE__ - 1);
    char *middle = malloc(50000);
    printf("@ malloc 50000 %p line %d\n", (void *)middle, __LINE__ - 1);
    char *big = malloc(300000);
    printf("@ malloc 300000 %p line %d\n", (void *)big, __LINE__ - 1);

    printf("and now a write to address 0\n");
    fflush(stdout); /* a crash throws away what is still in the buffer */
    *(volatile int *)0 = 1;
    printf("never printed\n");
    return 0;
}
