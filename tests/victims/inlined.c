/*
 * inlined: allocations in functions that the compiler puts into others. Compiled with -O2.
 *
 * "@ chain SIZE FUNCTION:LINE ...": the call of malloc(SIZE), innermost first: in which function and
 * line it is, and from which line that function is called, up to main.
 */
#include "victim.h"

#define INLINED static inline __attribute__((always_inline))
#define OUT_OF_LINE static __attribute__((noinline))

static void *volatile sink; /* what is stored here cannot be a tail call */

enum { TAKE = __LINE__ + 3 };
INLINED void take(size_t size)
{
    sink = malloc(size);
}

enum { FILL = __LINE__ + 4 };
INLINED void fill(size_t size)
{
    sink = NULL;
    take(size);
}

enum { BUILD = __LINE__ + 3, BUILD_DIRECT = BUILD + 1, BUILD_PLAIN = BUILD + 2 };
OUT_OF_LINE void build(void)
{
    fill(150000);
    take(160000);
    sink = malloc(170000);
}

int main(void)
{
    say("@ chain 150000 take:%d fill:%d build:%d main:%d\n", TAKE, FILL, BUILD, __LINE__ + 3);
    say("@ chain 160000 take:%d build:%d main:%d\n", TAKE, BUILD_DIRECT, __LINE__ + 2);
    say("@ chain 170000 build:%d main:%d\n", BUILD_PLAIN, __LINE__ + 1);
    build();
    sink = NULL;
    say("@ end\n");
    return 0;
}
