/*
 * malloc_loop [N]: the benchmark: N pairs of malloc (16..1039 bytes, pseudo-random) and free;
 * prints "@ ns-per-pair X".
 */
#include <time.h>

#include "victim.h"

int main(int argc, char *argv[])
{
    unsigned long pairs = argc > 1 ? strtoul(argv[1], NULL, 10) : 5000000;
    unsigned int state = 2463534242u;
    struct timespec start, end;
    char *volatile block;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (unsigned long i = 0; i < pairs; i++) {
        block = malloc(16 + (next_number(&state) & 1023));
        free(block);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    say("@ pairs %lu\n@ ns-per-pair %.2f\n", pairs, pairs > 0 ? ns / (double)pairs : 0.0);
    return 0;
}
