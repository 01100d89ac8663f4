/*
 * threads: every thread has its own stack, and often its own part of the heap.
 *
 * All threads of a process share one map. In it each new thread needs a stack (with a guard page
 * that nobody may touch below it), and the first malloc of a thread makes an arena for it. Link
 * with -pthread.
 */
#include <pthread.h>

#include "lab.h"

#define THREADS 3

static pthread_barrier_t all_here;

static void *work(void *argument)
{
    int number = *(int *)argument;
    int local = number; /* on the stack of this thread */
    size_t size = 1000 * (size_t)number;

    printf("@ addr local_of_thread_%d %p\n", number, (void *)&local);
    char *block = malloc(size);
    printf("@ malloc %zu %p line %d\n", size, (void *)block, __LINE__ - 1);
    check(block != NULL, "malloc");

    pthread_barrier_wait(&all_here); /* so that all the stacks are in the map at the same time */

    unsigned long address = (unsigned long)block;
    free(block);
    printf("@ free %#lx line %d\n", address, __LINE__ - 1);
    return NULL;
}

int main(void)
{
    pthread_t thread[THREADS];
    int number[THREADS];
    int local = 0;

    printf("@ addr local_of_main %p\n", (void *)&local);
    pthread_barrier_init(&all_here, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        number[i] = i + 1;
        check(pthread_create(&thread[i], NULL, work, &number[i]) == 0, "pthread_create");
        printf("@ thread %d line %d\n", number[i], __LINE__ - 1);
    }
    pthread_barrier_wait(&all_here);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&all_here);
    printf("%d threads have ended; are their stacks still in the map?\n", THREADS);
    return 0;
}
