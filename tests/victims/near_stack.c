/*
 * near_stack: allocates on the stack of a thread that lies not far below the main thread's, where a
 * tracer may take its stack pointer for that of a main stack that has grown.
 *
 * Prints "@ stacks 0xTHREAD 0xMAIN": how far a 32-bit program's libraries lie below the two.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "victim.h"

#define BELOW (24ul << 20)
#define SIZE (256ul << 10)

static unsigned long main_stack;

static void recursion(int depth)
{
    volatile char frame[1000];

    frame[0] = (char)depth;
    for (int i = 0; i < 3; i++)
        FREE(MALLOC(100 + (size_t)depth * 10));
    if (depth < 10)
        recursion(depth + 1);
    frame[999] = frame[0];
}

static void *run(void *arg)
{
    char local = 0;

    say("@ stacks 0x%lx 0x%lx\n", (unsigned long)&local, main_stack);
    recursion(0);
    return arg;
}

int main(void)
{
    char local = 0;
    pthread_attr_t attributes;
    pthread_t thread;

    main_stack = (unsigned long)&local;
    void *place = (void *)((main_stack - BELOW) & ~4095ul);
    void *stack = mmap(place, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack != place || pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstack(&attributes, stack, SIZE) != 0 ||
        pthread_create(&thread, &attributes, run, NULL) != 0)
        give_up("a stack below the main thread's");
    pthread_join(thread, NULL);
    recursion(0);
    say("@ end\n");
    return 0;
}
