/*
 * getpid_loop [N]: the benchmark for system calls that are none of the tracer's business: N calls
 * of getpid(2); prints "@ ns-per-call X".
 */
#include <sys/syscall.h>
#include <time.h>

#include "victim.h"

int main(int argc, char *argv[])
{
    unsigned long calls = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    struct timespec start, end;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (unsigned long i = 0; i < calls; i++)
        syscall(SYS_getpid);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    say("@ calls %lu\n@ ns-per-call %.2f\n", calls, calls > 0 ? ns / (double)calls : 0.0);
    return 0;
}
