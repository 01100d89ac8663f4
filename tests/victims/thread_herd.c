/* thread_herd THREADS: so many threads, which all end at the same moment. How often they had to
 * wait, for each of them, goes to stdout. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static pthread_barrier_t all;

static void *wait_for_all(void *arg)
{
    pthread_barrier_wait(&all);
    return arg;
}

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    pthread_t *threads = calloc(count, sizeof *threads);
    pthread_attr_t small;
    struct rusage usage;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    pthread_barrier_init(&all, NULL, count + 1);
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&threads[i], &small, wait_for_all, NULL) != 0)
            return 1;
    pthread_barrier_wait(&all);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    getrusage(RUSAGE_SELF, &usage);
    printf("%ld\n", usage.ru_nvcsw / (long)count);
    return 0;
}
