/*
 * stack_growth: makes the stack deeper in three ways (recursion, alloca, one big frame), with an
 * allocation at each step.
 *
 * Prints "@ stack WHAT 0xADDRESS" with the lowest address in use. No system call makes the stack
 * grow, so the tracer has to look: at the next event after each step, [stack] must reach down to
 * the address printed. The stack never shrinks.
 */
#include <alloca.h>
#include <string.h>

#include "victim.h"

static void recursion(int depth)
{
    char frame[100 * 1024];

    memset(frame, depth, sizeof frame);
    say("@ stack recursion-%d 0x%lx\n", depth, (unsigned long)frame);
    FREE(MALLOC(100 + (size_t)depth));
    if (depth < 10)
        recursion(depth + 1);
}

static void with_alloca(size_t size)
{
    char *block = alloca(size);

    memset(block, 1, size);
    say("@ stack alloca-%zu 0x%lx\n", size, (unsigned long)block);
    FREE(MALLOC(200));
}

static void big_frame(void)
{
    char frame[4 * 1024 * 1024];

    *(volatile char *)frame = 1;
    say("@ stack big-frame 0x%lx\n", (unsigned long)frame);
    FREE(MALLOC(150000)); /* a change of the map by mmap at the same time */
    FREE(MALLOC(300));
}

int main(void)
{
    char local = 0;

    say("@ stack main 0x%lx\n", (unsigned long)&local);
    FREE(MALLOC(50));
    recursion(0);
    with_alloca(1500000);
    with_alloca(2500000);
    big_frame();
    FREE(MALLOC(400));
    say("@ end\n");
    return 0;
}
