/*
 * As in the lab about buffer overflows: a function "returns" to win() by a changed return address,
 * where the stack is not aligned as the ABI says. What libc does there works all the same.
 *
 * Expected: "win", status 0.
 */
#include <sys/mman.h>

#include "victim.h"

static void win(void)
{
    void *volatile block = malloc(30);
    free(block);
    block = malloc(300000);
    munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
    free(block);
    puts("win");
    exit(0);
}

__attribute__((noinline)) static void vulnerable(void)
{
    void **frame = __builtin_frame_address(0);
    frame[1] = (void *)win;
}

int main(void)
{
    vulnerable();
    return 1;
}
