/*
 * map2: what does a big local variable do to the map?
 *
 * As map1, but f2 has a local array of 4 MiB. Compare the [stack] line of the two maps. No call
 * asked for that memory: the first access below the end of the stack is a page fault, and the
 * kernel makes the region larger.
 */
#include "lab.h"

int initialised = 7;
int uninitialised[4096];

void f(int parameter)
{
    int local_of_f = parameter + 1;

    printf("@ addr parameter %p\n", (void *)&parameter);
    printf("@ addr local_of_f %p\n", (void *)&local_of_f);
}

void f2(void)
{
    int big[1024 * 1024]; /* 4 MiB in the frame of f2 */

    big[0] = 1; /* the lowest address of the array, 4 MiB down the stack */
    printf("\nIn f2, big is at %p .. %p\n", (void *)big, (void *)(big + 1024 * 1024));
    printf("@ addr big_first %p\n", (void *)&big[0]);
    printf("@ addr big_last %p\n", (void *)&big[1024 * 1024 - 1]);
    show_map("in-f2");
}

int main(void)
{
    int local = 3;

    printf("@ addr main %p\n", (void *)main);
    printf("@ addr f %p\n", (void *)f);
    printf("@ addr f2 %p\n", (void *)f2);
    printf("@ addr initialised %p\n", (void *)&initialised);
    printf("@ addr uninitialised_first %p\n", (void *)&uninitialised[0]);
    printf("@ addr uninitialised_last %p\n", (void *)&uninitialised[4095]);
    printf("@ addr local %p\n", (void *)&local);

    f(40);
    show_map("before-f2");
    f2();
    show_map("after-f2"); /* f2 has returned: is the stack small again? */
    return 0;
}
