/*
 * own_syscalls: changes the map by system calls of its own (inline assembly), past libc and past
 * every hook.
 *
 * The tracer cannot see these calls. It must find the changes at its next look at their place in the
 * map (at the latest at exit, if they are still there) and report them as "unattributed". Prints "@ unattributed mmap LENGTH 0xADDR line N"
 * and "@ unattributed munmap 0xADDR LENGTH line N".
 */
#include <sys/mman.h>

#include "victim.h"

#define PAGE 4096ul

#if defined __i386__

/* System call 90 takes its arguments from memory: no register that the compiler may be using. */
static unsigned long own_mmap(unsigned long length, unsigned long protection, unsigned long flags)
{
    unsigned long arguments[6] = {0, length, protection, flags, (unsigned long)-1, 0};
    unsigned long result = 90;

    __asm__ volatile("int $0x80" : "+a"(result) : "b"(arguments) : "memory");
    return result;
}

static unsigned long own_munmap(unsigned long address, unsigned long length)
{
    unsigned long result = 91;

    __asm__ volatile("int $0x80" : "+a"(result) : "b"(address), "c"(length) : "memory");
    return result;
}

#elif defined __x86_64__

static unsigned long own_mmap(unsigned long length, unsigned long protection, unsigned long flags)
{
    register unsigned long map_flags __asm__("r10") = flags;
    register unsigned long descriptor __asm__("r8") = (unsigned long)-1;
    register unsigned long offset __asm__("r9") = 0;
    unsigned long result = 9;

    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(0ul), "S"(length), "d"(protection), "r"(map_flags), "r"(descriptor),
                       "r"(offset)
                     : "rcx", "r11", "memory");
    return result;
}

static unsigned long own_munmap(unsigned long address, unsigned long length)
{
    unsigned long result = 11;

    __asm__ volatile("syscall" : "+a"(result) : "D"(address), "S"(length) : "rcx", "r11", "memory");
    return result;
}

#else
#error "own_syscalls knows i386 and x86-64 only"
#endif

static unsigned long map_shared(unsigned long length)
{
    /* Shared memory never merges with its neighbours: the change is one region of this length. */
    unsigned long address = own_mmap(length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);

    if (address > -PAGE) {
        say("@ failed %lu\n", -address);
        exit(1);
    }
    say("@ unattributed mmap %lu 0x%lx line %d\n", length, address, __LINE__ - 6);
    return address;
}

int main(void)
{
    FREE(MALLOC(100));
    unsigned long first = map_shared(5 * PAGE);
    FREE(MALLOC(500000)); /* a change that the tracer sees, so that it looks */

    own_munmap(first, 5 * PAGE);
    say("@ unattributed munmap 0x%lx %lu line %d\n", first, 5 * PAGE, __LINE__ - 1);
    FREE(MALLOC(600000));

    map_shared(7 * PAGE); /* still there at the exit: nothing but the last look can find it */
    say("@ end\n");
    return 0;
}
