/*
 * exec_busy [THREADS [ROUNDS]]: one of THREADS (8) threads executes this program again, while the
 * others allocate, fork and change the map; ROUNDS (3) times.
 *
 * The kernel ends the other threads wherever they are, in the middle of a record too. Prints
 * "@ round N" in each image.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "victim.h"

static char threads_text[16], rounds_text[16];
static volatile int started;

static void *keep_busy(void *argument)
{
    __atomic_add_fetch(&started, 1, __ATOMIC_RELAXED);
    for (;;) {
        free(malloc(200));
        free(malloc(300000));
        void *area = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (area != MAP_FAILED)
            munmap(area, 4096);
    }
    return argument;
}

static void *execute(void *argument)
{
    char *arguments[] = {"exec_busy", threads_text, rounds_text, NULL};

    while (started < *(int *)argument)
        usleep(100);
    execv("/proc/self/exe", arguments);
    give_up("execv");
}

int main(int argc, char *argv[])
{
    int threads = argc > 1 ? atoi(argv[1]) : 8, rounds = argc > 2 ? atoi(argv[2]) : 3;
    pthread_t thread;

    say("@ round %d\n", rounds);
    if (rounds == 0) {
        FREE(MALLOC(12345));
        say("@ end\n");
        return 17;
    }
    snprintf(threads_text, sizeof threads_text, "%d", threads);
    snprintf(rounds_text, sizeof rounds_text, "%d", rounds - 1);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread, NULL, keep_busy, NULL) != 0)
            give_up("pthread_create");
    if (pthread_create(&thread, NULL, execute, &threads) != 0)
        give_up("pthread_create");
    pthread_join(thread, NULL);
    return 1;
}
