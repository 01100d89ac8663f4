/*
 * malloc_free [PAIRS [THREADS [DEPTH]]]: for the benchmark: PAIRS pairs of malloc (16..1039 bytes,
 * pseudo-random) and free, shared among THREADS threads, made DEPTH calls deep. Prints "@ pairs N"
 * and "@ ns-per-pair X": elapsed time over all pairs, from when all threads are ready.
 */
#include <pthread.h>
#include <time.h>

#include "../victims/victim.h"

#define WARM_UP 200 /* pairs of each thread before the time runs: heap and arenas are there */
#define THREADS_MAX 64

static unsigned long pairs_each;
static unsigned long depth;
static pthread_barrier_t ready, go;

static unsigned long long now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (unsigned long long)time.tv_sec * 1000000000u + (unsigned long long)time.tv_nsec;
}

static void malloc_and_free(unsigned long pairs)
{
    unsigned int state = 2463534242u;
    char *volatile block;

    for (unsigned long i = 0; i < pairs; i++) {
        block = malloc(16 + (next_number(&state) & 1023));
        free(block);
    }
}

/* Not a tail call, so that each level has a frame of its own. */
__attribute__((noinline)) static unsigned long at_depth(unsigned long levels, unsigned long pairs)
{
    volatile unsigned long done = pairs;

    if (levels <= 1)
        malloc_and_free(pairs);
    else
        done = at_depth(levels - 1, pairs);
    return done;
}

static void *work(void *argument)
{
    (void)argument;
    malloc_and_free(WARM_UP);
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&go);
    at_depth(depth, pairs_each);
    return NULL;
}

static void run_threads(unsigned long threads, unsigned long long *start)
{
    pthread_t thread[THREADS_MAX];

    pthread_barrier_init(&ready, NULL, (unsigned int)threads + 1);
    pthread_barrier_init(&go, NULL, (unsigned int)threads + 1);
    for (unsigned long i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, work, NULL) != 0)
            give_up("pthread_create");
    pthread_barrier_wait(&ready);
    *start = now_ns(); /* nobody has begun: after `go` they may be done before we get a processor */
    pthread_barrier_wait(&go);
    for (unsigned long i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
}

int main(int argc, char *argv[])
{
    unsigned long pairs = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000000;
    unsigned long threads = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    unsigned long long start;

    depth = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    if (threads == 0 || threads > THREADS_MAX)
        return 2;
    pairs_each = pairs / threads;
    pairs = pairs_each * threads;
    if (threads == 1) { /* without any thread but main's: glibc needs no locks then */
        malloc_and_free(WARM_UP);
        start = now_ns();
        at_depth(depth, pairs);
    } else {
        run_threads(threads, &start);
    }
    double ns = (double)(now_ns() - start);
    say("@ pairs %lu\n@ ns-per-pair %.2f\n", pairs, pairs > 0 ? ns / (double)pairs : 0.0);
    return 0;
}
