/*
 * threads_stress [T [N]]: T threads with N operations each (malloc, realloc, free, now and then a
 * big block), in waves, so that threads end and begin all the time; free in a TLS destructor;
 * cancellation of a thread that mallocs.
 *
 * The tracer must see exactly the calls counted in "@ total", keep the order of one address (a
 * free before the malloc that reuses it), and survive allocator calls at the very end of a
 * thread.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

#include "victim.h"

#define SLOTS 32
#define WAVES 4

static pthread_key_t key;
static unsigned long operations;
static unsigned long total_malloc, total_realloc, total_free;

static void *counted_malloc(size_t size)
{
    char *block = malloc(size);

    if (block == NULL)
        give_up("malloc");
    block[0] = 1;
    __atomic_add_fetch(&total_malloc, 1, __ATOMIC_RELAXED);
    return block;
}

static void *counted_realloc(void *old, size_t size)
{
    char *block = realloc(old, size);

    if (block == NULL)
        give_up("realloc");
    block[0] = 2;
    __atomic_add_fetch(&total_realloc, 1, __ATOMIC_RELAXED);
    return block;
}

static void counted_free(void *block)
{
    free(block);
    __atomic_add_fetch(&total_free, 1, __ATOMIC_RELAXED);
}

/* Runs at the end of the thread; what it allocates is freed by the next round of destructors. */
static void destroy(void *value)
{
    counted_free(value);
    static __thread int rounds;
    if (++rounds < 3)
        pthread_setspecific(key, counted_malloc(888));
}

static void *work(void *argument)
{
    unsigned int state = (unsigned int)(unsigned long)argument * 2654435761u | 1;
    void *slot[SLOTS] = {NULL};

    pthread_setspecific(key, counted_malloc(777));
    for (unsigned long i = 0; i < operations; i++) {
        void **one = &slot[next_number(&state) % SLOTS];
        unsigned int number = next_number(&state);
        size_t size = number % 200 == 0 ? 150000 + number % 300000 : 1 + number % 1500;

        if (*one == NULL) {
            *one = counted_malloc(size);
        } else if (number % 3 == 0) {
            *one = counted_realloc(*one, size);
        } else {
            counted_free(*one);
            *one = NULL;
        }
    }
    for (int i = 0; i < SLOTS; i++)
        if (slot[i] != NULL)
            counted_free(slot[i]);
    return NULL;
}

static void free_at_cancel(void *block)
{
    counted_free(*(void *volatile *)block);
}

static volatile int victim_runs;

static void *work_until_cancelled(void *argument)
{
    void *volatile held =
        counted_malloc(999); /* volatile: the cleanup handler is reached by a long jump */

    (void)argument;
    pthread_setspecific(key, counted_malloc(777));
    pthread_cleanup_push(free_at_cancel, (void *)&held);
    for (;;) {
        held = counted_realloc(held, 1 + (size_t)(total_malloc % 5000));
        victim_runs = 1;
        pthread_testcancel();
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void cancel_one(void)
{
    pthread_t thread;
    void *result = NULL;

    victim_runs = 0;
    if (pthread_create(&thread, NULL, work_until_cancelled, NULL) != 0)
        give_up("pthread_create");
    while (!victim_runs)
        usleep(100);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    say("@ cancelled %s\n", result == PTHREAD_CANCELED ? "yes" : "no");
}

int main(int argc, char *argv[])
{
    unsigned long threads = argc > 1 ? strtoul(argv[1], NULL, 10) : 8;
    pthread_t thread[256];

    operations = argc > 2 ? strtoul(argv[2], NULL, 10) : 10000;
    if (threads == 0 || threads > 256)
        return 2;
    pthread_key_create(&key, destroy);
    for (unsigned long wave = 0; wave < WAVES; wave++) {
        for (unsigned long i = 0; i < threads; i++)
            if (pthread_create(&thread[i], NULL, work, (void *)(wave * threads + i + 1)) != 0)
                give_up("pthread_create");
        for (unsigned long i = 0; i < threads; i++)
            pthread_join(thread[i], NULL);
    }
    cancel_one();
    say("@ threads %lu\n", threads * WAVES + 1);
    say("@ total malloc %lu realloc %lu free %lu\n", total_malloc, total_realloc, total_free);
    say("@ end\n");
    return 0;
}
