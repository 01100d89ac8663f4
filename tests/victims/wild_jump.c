/* Calls what is no code: memory that can be read, then no longer, then is not there. The handler of
 * the fault changes the map, so that its stack is walked: the frame below it is nowhere. */
#include "victim.h"
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

static sigjmp_buf back;

static void on_fault(int signal_number)
{
    (void)signal_number;
    void *volatile block = malloc(500000);
    free(block);
    siglongjmp(back, 1);
}

static void call(uintptr_t address)
{
    void (*function)(void);
    memcpy(&function, &address, sizeof function);
    if (sigsetjmp(back, 1) == 0)
        function();
}

int main(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_fault;
    sigaction(SIGSEGV, &action, NULL);

    char *memory = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        give_up("mmap");
    call((uintptr_t)memory);
    mprotect(memory, PAGE, PROT_NONE);
    call((uintptr_t)memory);
    call((uintptr_t)memory + PAGE);
    munmap(memory, 2 * PAGE);
    call((uintptr_t)memory + PAGE);
    call(0);
    call(UINTPTR_MAX - 1);
    say("@ end\n");
    return 0;
}
