/*
 * many_forks [N [THREADS]]: N children (100), each of which allocates, maps, and ends, while
 * THREADS (0) threads of the parent allocate and free.
 *
 * With threads each fork comes in the middle of other threads' calls: what the tracer has locked or
 * half written then must not be in the child's way. Prints "@ children N sum S", the sum of their
 * statuses.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "victim.h"

#define THREADS_MAX 64

static volatile int busy = 1;

static void *keep_busy(void *argument)
{
    while (busy) {
        free(malloc(100));
        free(malloc(300000));
    }
    return argument;
}

static int child_work(int number)
{
    void *block = malloc(5000 + (size_t)number);
    void *big = malloc(400000);
    void *area = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (block == NULL || big == NULL || area == MAP_FAILED)
        return 0;
    munmap(area, 3 * 4096);
    free(big);
    free(block);
    return 1 + number % 100;
}

/* Up to four children at a time. */
static unsigned long wait_for_one(void)
{
    int status = 0;

    if (wait(&status) < 0)
        give_up("wait");
    return WIFEXITED(status) ? (unsigned long)WEXITSTATUS(status) : 1000000;
}

int main(int argc, char *argv[])
{
    int count = argc > 1 ? atoi(argv[1]) : 100, threads = argc > 2 ? atoi(argv[2]) : 0;
    pthread_t thread[THREADS_MAX];
    unsigned long sum = 0;

    if (threads > THREADS_MAX)
        return 2;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, keep_busy, NULL) != 0)
            give_up("pthread_create");
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (child < 0)
            give_up("fork");
        if (child == 0)
            _exit(child_work(i));
        if (i >= 4)
            sum += wait_for_one();
    }
    for (int i = 0; i < (count < 4 ? count : 4); i++)
        sum += wait_for_one();
    busy = 0;
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    say("@ children %d sum %lu\n", count, sum);
    say("@ end\n");
    return 0;
}
