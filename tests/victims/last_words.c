/*
 * last_words KIND: dies in the way that KIND says, and prints before what the tracer must tell:
 *
 *   @ fatal SIGNAL ACCESS ADDRESS LINE     ACCESS none: not about memory; LINE: of the instruction
 *   @ ip ADDRESS                           where it is known
 *
 * The tracer must tell that, and the process must end in the same way as without it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "victim.h"

static const char constant[] = "hello";
static char code[4096] __attribute__((aligned(4096))) = {(char)0xc3};

static void expect(const char *number, const char *access, const volatile void *address, int line)
{
    say("@ fatal %s %s 0x%lx %d\n", number, access, (unsigned long)address, line);
}

/* What follows must stand in one line. */
#define EXPECT(number, access, address) expect(number, access, (const void *)(address), __LINE__)

static int overflow(int depth)
{
    volatile char frame[5000];
    frame[0] = (char)depth;
    return depth < 0 ? frame[0] : overflow(depth + 1) + frame[0];
}

static int big_frame(void)
{
    volatile char frame[64 << 20];
    frame[0] = 1;
    return frame[0];
}

static void *of_thread(void *address)
{
    EXPECT("SIGSEGV", "write", address), *(volatile int *)address = 1;
    return NULL;
}

static void *overflow_of_thread(void *argument)
{
    overflow(0);
    return argument;
}

static void run_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, argument) != 0)
        give_up("pthread_create");
    pthread_join(thread, NULL);
}

static void on_signal(int number)
{
    (void)number;
    EXPECT("SIGSEGV", "read", 0x18), (void)*(volatile int *)0x18;
}

static void end_of_file(void)
{
    char name[] = "/tmp/last_words.XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    volatile char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    EXPECT("SIGBUS", "write", page + 7), page[7] = 1;
}

/* The heap: the last block is followed by the end of its region. */
static void behind_heap(void)
{
    char *block = MALLOC(100), *end = sbrk(0);
    EXPECT("SIGSEGV", "write", end), *(volatile char *)end = block[0];
}

static void of_blocks(const char *kind)
{
    if (!strcmp(kind, "unmapped")) {
        volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap((void *)page, 4096);
        EXPECT("SIGSEGV", "read", page + 5), (void)page[5];
    } else if (!strcmp(kind, "freed")) {
        volatile char *block = MALLOC(1000000), *volatile same = block;
        FREE((void *)block);
        EXPECT("SIGSEGV", "write", same + 9), same[9] = 1;
    } else if (!strcmp(kind, "behind_heap")) {
        behind_heap();
    }
}

static void of_memory(const char *kind)
{
    if (!strcmp(kind, "read"))
        EXPECT("SIGSEGV", "read", 8), (void)*(volatile int *)8;
    else if (!strcmp(kind, "write"))
        EXPECT("SIGSEGV", "write", constant + 1), *(volatile char *)(constant + 1) = 'a';
    else if (!strcmp(kind, "null_call"))
        EXPECT("SIGSEGV", "execute", 0), ((void (*)(void))(uintptr_t)0)();
    else if (!strcmp(kind, "no_execute"))
        EXPECT("SIGSEGV", "execute", code), ((void (*)(void))(uintptr_t)code)();
    else if (!strcmp(kind, "bus"))
        end_of_file();
    else if (!strcmp(kind, "thread"))
        run_thread(of_thread, (void *)0x40);
    else if (!strcmp(kind, "handler"))
        signal(SIGUSR1, on_signal), raise(SIGUSR1);
    else if (!strcmp(kind, "overflow"))
        overflow(0);
    else if (!strcmp(kind, "big_frame"))
        big_frame();
    else if (!strcmp(kind, "thread_overflow"))
        run_thread(overflow_of_thread, NULL);
}

static void of_others(const char *kind)
{
    volatile int zero = 0;
    if (!strcmp(kind, "fpe"))
        EXPECT("SIGFPE", "none", 0), zero = 5 / zero;
    else if (!strcmp(kind, "ill"))
        EXPECT("SIGILL", "none", 0), __builtin_trap();
    else if (!strcmp(kind, "abort"))
        EXPECT("SIGABRT", "none", 0), abort();
    else if (!strcmp(kind, "raise"))
        EXPECT("SIGSEGV", "none", 0), raise(SIGSEGV);
    else if (!strcmp(kind, "kill"))
        EXPECT("SIGBUS", "none", 0), kill(getpid(), SIGBUS);
    else if (!strcmp(kind, "double_free")) {
        char *volatile block = malloc(100), *volatile same = block;
        free(block);
        EXPECT("SIGABRT", "none", 0), free(same);
    }
}

/* Everything that is not told, or told of a child only. */
static void untold(const char *kind)
{
    sigset_t all;
    sigfillset(&all);
    if (!strcmp(kind, "blocked"))
        sigprocmask(SIG_BLOCK, &all, NULL), *(volatile int *)16 = 1;
    else if (!strcmp(kind, "ignored"))
        signal(SIGSEGV, SIG_IGN), *(volatile int *)16 = 1;
    else if (!strcmp(kind, "vfork") && vfork() == 0)
        *(volatile int *)16 = 1;
    else if (!strcmp(kind, "fork") && fork() == 0)
        EXPECT("SIGSEGV", "write", 16), *(volatile int *)16 = 1;
    int status = 0;
    while (wait(&status) > 0)
        say("@ child %d\n", status & 0x7f);
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "read";
    of_memory(kind);
    of_blocks(kind);
    of_others(kind);
    untold(kind);
    return 0;
}
