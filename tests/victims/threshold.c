/*
 * threshold: mallocs around the size from which malloc uses mmap, before and after that border
 * has moved.
 *
 * Freeing a block that came from mmap raises the border to its size (mallopt(3),
 * M_MMAP_THRESHOLD), until mallopt fixes it. (malloc looks at the border only when the heap has
 * no room for the block, so one above it may still be in the heap.) Prints after each "@ malloc"
 * where the block is, as seen from outside the allocator: "@ placement 0xADDR heap|mmap". The
 * tracer must say the same.
 */
#define _GNU_SOURCE
#include <malloc.h>

#include "victim.h"

#define KIB 1024u

static char in_bss;

/* The heap lies between the program's own data and the program break. */
static void *placed(void *block)
{
    const char *address = block;

    say("@ placement 0x%lx %s\n", (unsigned long)block,
        address > &in_bss && address < (char *)sbrk(0) ? "heap" : "mmap");
    return block;
}

static void around(size_t border)
{
    size_t overhead =
        2 * sizeof(size_t); /* of a chunk; the border is compared with the chunk's size */
    size_t sizes[] = {border / 2,        border - 4096, border - overhead - 16,
                      border - overhead, border - 1,    border,
                      border + 1,        border + 4096, border * 2};

    say("@ around %zu\n", border);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *block = placed(MALLOC(sizes[i]));
        if (i < 5)
            FREE(block); /* the ones from mmap would move the border */
    }
}

int main(void)
{
    FREE(placed(MALLOC(100)));
    around(128 * KIB);

    /* Up to 512 KiB on i386 (32 MiB on x86-64) the border follows. */
    FREE(placed(MALLOC(400 * KIB))); /* from now on it is at 400 KiB and a bit */
    FREE(placed(MALLOC(300 * KIB)));
    FREE(placed(MALLOC(399 * KIB)));
    FREE(placed(MALLOC(500 * KIB)));   /* and now at 500 */
    FREE(placed(MALLOC(40000 * KIB))); /* too big to be followed */
    FREE(placed(MALLOC(600 * KIB)));

    say("@ mallopt M_MMAP_THRESHOLD %u %d\n", 64 * KIB, mallopt(M_MMAP_THRESHOLD, 64 * KIB));
    around(64 * KIB);
    FREE(placed(MALLOC(200 * KIB)));
    FREE(placed(MALLOC(150 * KIB))); /* still from mmap: the border does not move any more */

    say("@ mallopt M_MMAP_MAX 0 %d\n", mallopt(M_MMAP_MAX, 0));
    FREE(placed(MALLOC(200 * KIB))); /* no block from mmap at all */
    say("@ end\n");
    return 0;
}
