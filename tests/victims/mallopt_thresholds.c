/* mallopt(3) and the thresholds: what it sets stays, and free does not move it any more.
 *
 *     mallopt_thresholds PARAMETER VALUE     mmap, trim, pad or max
 *
 * Says of each block whether it has pages of its own: what glibc's header says in front of it. */
#include "victim.h"
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static int parameter(const char *name)
{
    return strcmp(name, "mmap") == 0   ? M_MMAP_THRESHOLD
           : strcmp(name, "trim") == 0 ? M_TRIM_THRESHOLD
           : strcmp(name, "pad") == 0  ? M_TOP_PAD
                                       : M_MMAP_MAX;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {1000, 70000, 150000, 200000, 180000, 300000, 250000};
    char *blocks[16];
    if (argc < 3)
        return 64;
    printf("@ mallopt %d\n", mallopt(parameter(argv[1]), atoi(argv[2])));
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        blocks[i] = malloc(sizes[i]);
        printf("@ block %p %zu %s\n", (void *)blocks[i], sizes[i],
               ((const size_t *)blocks[i])[-1] & 2 ? "mmap" : "heap");
        if (i % 2)
            free(blocks[i]);
    }
    return 0;
}
