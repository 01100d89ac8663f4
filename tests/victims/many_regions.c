/*
 * many_regions [N [ROUNDS]]: makes N regions, then maps and unmaps one page ROUNDS times.
 *
 * For the benchmark: what a tracer spends for one change must not depend on the number of
 * regions. Prints "@ regions N" and "@ ns-per-round X" (a round is two changes of the map).
 */
#include <sys/mman.h>
#include <time.h>

#include "victim.h"

#define PAGE 4096u

static unsigned long long now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (unsigned long long)time.tv_sec * 1000000000u + (unsigned long long)time.tv_nsec;
}

/* Every second page has other permissions than its neighbours, so nothing can merge. */
static void make_regions(unsigned long count)
{
    char *area = mmap(NULL, count * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (area == MAP_FAILED)
        give_up("mmap");
    for (unsigned long i = 1; i < count; i += 2)
        if (mprotect(area + i * PAGE, PAGE, PROT_NONE) != 0)
            give_up("mprotect");
    say("@ regions %lu\n", count);
}

int main(int argc, char *argv[])
{
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 20;
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;

    if (count > 0)
        make_regions(count);
    unsigned long long start = now_ns();
    for (unsigned long i = 0; i < rounds; i++) {
        void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            give_up("mmap");
        munmap(page, PAGE);
    }
    say("@ ns-per-round %llu\n", rounds > 0 ? (now_ns() - start) / rounds : 0);
    say("@ end\n");
    return 0;
}
