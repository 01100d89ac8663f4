/*
 * small_altstack SIZE: a signal handler allocates and maps on an alternate stack of SIZE bytes, above
 * a page without access.
 *
 * Expected: "used", of the most that one of the handlers took.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>

#include "victim.h"

#define ROOM (1u << 20)

static void handler(int signal)
{
    (void)signal;
    void *volatile block = malloc(3000);
    void *volatile pages = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *volatile large = malloc(300000);
    munmap(pages, 4096);
    free(large);
    free(block);
}

int main(int argc, char **argv)
{
    size_t size = strtoul(argv[argc > 1], NULL, 10), unused = 0;
    char *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *stack = room + 4096;
    mprotect(room, 4096, PROT_NONE);
    if (sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = size}, NULL) != 0)
        give_up("sigaltstack");
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = handler, .sa_flags = SA_ONSTACK}, NULL);
    for (int i = 0; i < 20; i++)
        raise(SIGUSR1);
    while (unused < size && !stack[unused])
        unused++;
    say("@ used %zu\n", size - unused);
    return 0;
}
