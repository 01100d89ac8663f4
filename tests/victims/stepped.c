/*
 * stepped [N]: N times malloc and free, N being 10000 unless given; status 7 in the end. The two
 * are the program's own and begin with an instruction that a tracer is not likely to do itself: one
 * that has a breakpoint there must step over it. (An int3 lies behind them, as where linkers fill
 * code up with it.) Never more than a few blocks are in use.
 */
#include <stdlib.h>

#define BLOCK 64
#define BLOCKS 1024

static char pool[BLOCKS][BLOCK] __attribute__((aligned(16)));

static __attribute__((used)) void *next_block(void)
{
    static unsigned next;

    return pool[next++ % BLOCKS];
}

static __attribute__((used)) void no_block(void)
{
}

__asm__(".globl malloc\n"
        ".type malloc, @function\n"
        "malloc: bt $0, %eax\n"
        "jmp next_block\n"
        ".size malloc, . - malloc\n"
        ".globl free\n"
        ".type free, @function\n"
        "free: bt $0, %eax\n"
        "jmp no_block\n"
        ".size free, . - free\n"
        "int3\n");

int main(int argc, char *argv[])
{
    int count = argc > 1 ? atoi(argv[1]) : 10000;

    for (int i = 0; i < count; i++)
        free(malloc(24));
    return 7;
}
