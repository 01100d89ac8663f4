/*
 * no_glibc_malloc: a program with an allocator of its own (it only ever moves a pointer up).
 *
 * The program's own malloc comes before that of any preloaded library, also for the calls from
 * libc. The tracer sees none of these calls, must not mix its own blocks with theirs, must still
 * see the map change (the allocator's mmap), and must not claim a placement that it cannot know.
 * (With optimisation it needs -fno-builtin.)
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "victim.h"

#define CHUNK (1024 * 1024)

static char *next, *limit;
static unsigned long calls, chunks;

/* The size of a block is kept in front of it. */
void *malloc(size_t size)
{
    size_t room = (size + 31) & ~(size_t)15;

    calls++;
    if (size > CHUNK - 32)
        return NULL;
    if (next == NULL || (size_t)(limit - next) < room) {
        next = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (next == MAP_FAILED)
            return next = limit = NULL;
        limit = next + CHUNK;
        chunks++;
    }
    *(volatile size_t *)next = size;
    next += room;
    return next - room + 16;
}

void free(void *block)
{
    (void)block;
    calls++;
}

/* Fresh from mmap and never used before: it is zero. */
void *calloc(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return malloc(count * size);
}

void *realloc(void *old, size_t size)
{
    char *volatile start = old; /* or the compiler warns of what lies before the block */
    void *block = malloc(size);

    if (old == NULL || block == NULL)
        return block;
    size_t old_size = *(volatile size_t *)(start - 16);
    return memcpy(block, old, old_size < size ? old_size : size);
}

int main(void)
{
    unsigned long before = calls;
    char *copy = strdup("libc's strdup uses our malloc");

    say("@ own-malloc-used-by-libc %s\n", calls > before ? "yes" : "no");
    say("@ inside-own-chunk %s\n", copy >= limit - CHUNK && copy < limit ? "yes" : "no");
    for (int i = 0; i < 1000; i++) {
        char *block = malloc(5000);
        if (block == NULL)
            give_up("malloc");
        block[4999] = 1;
        block = realloc(block, 6000);
        free(block);
    }
    printf("stdio's buffer is ours, too\n");
    fflush(stdout);
    say("@ chunks %lu\n", chunks);
    say("@ end\n");
    return 0;
}
