/*
 * pool: the odd corners of malloc(3): zero sizes, null pointers, requests that cannot be met,
 * blocks that change their size class.
 *
 * Prints "@ odd WHAT RESULT". The tracer must pass every one through unchanged, whichever
 * allocator (its own pool of the first moments included) a block came from.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include "victim.h"

/* Volatile, so that no compiler knows better what the call will do. */
static volatile size_t zero = 0, one = 1, most = (size_t)PTRDIFF_MAX + 1, all = SIZE_MAX;
static void *volatile null = NULL;

static const char *class(void *block)
{
    return block == NULL ? "NULL" : "pointer";
}

static void nothing(void)
{
    free(null);
    say("@ odd free(NULL) returned\n");
    say("@ odd malloc_usable_size(NULL) %zu\n", malloc_usable_size(null));
    void *first = malloc(zero), *second = malloc(zero);
    say("@ odd malloc(0) %s %s\n", class(first), first != second ? "distinct" : "same");
    say("@ odd malloc_usable_size(malloc(0)) %s\n",
        malloc_usable_size(first) >= zero ? "fine" : "wrong");
    free(first);
    free(second);
    void *empty = calloc(zero, 10);
    say("@ odd calloc(0,10) %s\n", class(empty));
    free(empty);
}

static void reallocs(void)
{
    void *block = realloc(null, 50);
    say("@ odd realloc(NULL,50) %s\n", class(block));
    block = realloc(block, zero);
    say("@ odd realloc(p,0) %s\n", class(block));
    block = realloc(null, zero);
    say("@ odd realloc(NULL,0) %s\n", class(block));
    free(block);

    static const size_t steps[] = {1, 100, 100, 5000, 200000, 2000000, 300000, 60, 100000, 24};
    unsigned char *bytes = NULL;
    int kept = 1;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        bytes = realloc(bytes, steps[i]);
        if (bytes == NULL)
            give_up("realloc");
        kept = kept && (i == 0 || bytes[0] == 0x5a);
        bytes[0] = 0x5a;
        bytes[steps[i] - 1] = 0x5a;
        say("@ realloc %zu 0x%lx usable %s\n", steps[i], (unsigned long)bytes,
            malloc_usable_size(bytes) >= steps[i] ? "fine" : "wrong");
    }
    say("@ odd contents %s\n", kept ? "kept" : "lost");
    free(bytes);
}

static void impossible(void)
{
    errno = 0;
    say("@ odd malloc(PTRDIFF_MAX+1) %s\n", class(malloc(most)));
    say("@ odd malloc(SIZE_MAX) %s\n", class(malloc(all)));
    say("@ odd calloc(overflow) %s\n", class(calloc(all / 2, 3)));
    say("@ odd calloc(SIZE_MAX,1) %s\n", class(calloc(all, one)));
    void *volatile block = malloc(40);
    say("@ odd realloc(p,SIZE_MAX) %s\n", class(realloc(block, all)));
    say("@ odd reallocarray(p,overflow) %s\n", class(reallocarray(block, all / 2, 3)));
    memset(block, 1, 40); /* a realloc that fails leaves the block alone */
    free(block);
    say("@ odd errno %s\n", errno == ENOMEM ? "ENOMEM" : "other");
}

/* malloc takes this size for possible, the kernel refuses: malloc tries brk, mmap, a new arena. */
static void refused_by_kernel(void)
{
    struct rlimit limit = {1u << 30, 1u << 30};

    if (setrlimit(RLIMIT_AS, &limit) != 0)
        give_up("setrlimit");
    errno = 0;
    void *volatile block = malloc(3 * (one << 29));
    say("@ odd malloc(1.5GiB) %s errno %d\n", class(block), errno);
    block = malloc(400000);
    say("@ odd malloc(400000) %s\n", class(block));
    free(block);
}

static void aligned(void)
{
    static const size_t alignments[] = {8, 16, 64, 256, 4096, 65536};

    for (size_t i = 0; i < sizeof alignments / sizeof alignments[0]; i++) {
        void *block = aligned_alloc(alignments[i], alignments[i] * 3);
        say("@ odd aligned_alloc(%zu) %s\n", alignments[i],
            (uintptr_t)block % alignments[i] == 0 ? "aligned" : "not aligned");
        block = realloc(block, alignments[i] * 7);
        free(block);
    }
}

int main(void)
{
    nothing();
    reallocs();
    impossible();
    aligned();
    refused_by_kernel();
    say("@ end\n");
    return 0;
}
