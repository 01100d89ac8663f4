/*
 * realloc_growth [CALLS]: for the benchmark: two buffers that grow by turns from 32 bytes to 64 KiB
 * as a string that is appended to does, a quarter at a time; then they are freed and it begins
 * again. Prints "@ calls N" and "@ ns-per-call X", a call being one realloc.
 */
#include <time.h>

#include "../victims/victim.h"

#define SMALLEST 32u
#define LARGEST 65536u

int main(int argc, char *argv[])
{
    unsigned long calls = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    struct timespec start, end;
    char *buffer[2] = {NULL, NULL};
    size_t size = SMALLEST;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (unsigned long i = 0; i < calls; i++) {
        buffer[i % 2] = realloc(buffer[i % 2], size);
        if (buffer[i % 2] == NULL)
            give_up("realloc");
        buffer[i % 2][size - 1] = 1;
        if (i % 2 == 0)
            continue;
        size += size / 4;
        if (size > LARGEST) {
            for (int side = 0; side < 2; side++) {
                free(buffer[side]);
                buffer[side] = NULL;
            }
            size = SMALLEST;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    free(buffer[0]);
    free(buffer[1]);
    double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    say("@ calls %lu\n@ ns-per-call %.2f\n", calls, calls > 0 ? ns / (double)calls : 0.0);
    return 0;
}
