/*
 * signals [HANDLERS [altstack]]: a 1 kHz timer whose handler mallocs, reallocs, frees and, every
 * tenth time, leaves by siglongjmp, while main does nothing but map-changing system calls. Ends
 * after HANDLERS (300) handlers.
 *
 * The tracer must not deadlock when the signal comes in the middle of one of its hooks (holding
 * its lock, writing a record), must come out right when the handler never returns there, and must
 * not lose the handler's events.
 *
 * It is a legal program: main calls no malloc while the timer runs, and the handlers' small
 * blocks fit into a heap that was grown before, so main's use of brk does not get in the way of
 * malloc's.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "victim.h"

#define PAGE 4096
#define SLOTS 16

static sigjmp_buf back;
static void *slot[SLOTS];
static unsigned int state = 2463534242u;
static volatile sig_atomic_t handlers, jumps, mallocs, frees, reallocs;

static size_t some_size(void)
{
    unsigned int number = next_number(&state);

    return number % 20 == 0 ? 200000 + number % 1000
                            : 1 + number % 2000; /* now and then one for mmap */
}

/* For once: siglongjmp() opens the mask while it is on the handler's stack, where a timer that
 * comes again and again nests handler in handler on a slow machine, until there is no stack left.
 */
static void start_timer(int microseconds)
{
    struct itimerval timer = {{0, 0}, {0, microseconds}};

    setitimer(ITIMER_REAL, &timer, NULL);
}

static void on_timer(int signal_number)
{
    (void)signal_number;
    for (int i = 0; i < 4; i++) {
        void **one = &slot[next_number(&state) % SLOTS];
        if (*one == NULL) {
            *one = malloc(some_size());
            mallocs++;
        } else if (next_number(&state) % 2 == 0) {
            *one = realloc(*one, some_size());
            reallocs++;
        } else {
            free(*one);
            *one = NULL;
            frees++;
        }
    }
    handlers++;
    if (handlers % 10 == 0) {
        jumps++;
        siglongjmp(back, 1);
    }
    start_timer(1000);
}

/* A heap with room to spare that malloc neither trims nor grows, and a fixed border to mmap. */
static void prepare_heap(void)
{
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    free(malloc(100 * 1024));
    void *volatile block[10]; /* volatile: else a compiler may leave these mallocs out */
    for (int i = 0; i < 10; i++)
        block[i] = malloc(100 * 1024);
    for (int i = 0; i < 10; i++)
        free(block[i]);
}

static void install_handler(int flags)
{
    static char alternate[64 * 1024];
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action;

    if (flags & SA_ONSTACK)
        sigaltstack(&stack, NULL);
    memset(&action, 0, sizeof action);
    action.sa_handler = on_timer;
    action.sa_flags = flags;
    sigaction(SIGALRM, &action, NULL);
}

/* Only absolute addresses: what a jump leaves undone, the next round puts right. */
static void change_map(char *area, char *heap_end)
{
    mmap(area + 2 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mprotect(area + PAGE, PAGE, PROT_READ);
    if (brk(heap_end + 4 * PAGE) != 0)
        give_up("brk");
    mprotect(area + PAGE, PAGE, PROT_NONE);
    mmap(area + 2 * PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (brk(heap_end) != 0)
        give_up("brk");
}

int main(int argc, char *argv[])
{
    int wanted = argc > 1 ? atoi(argv[1]) : 300;
    int flags = SA_RESTART | (argc > 2 && strcmp(argv[2], "altstack") == 0 ? SA_ONSTACK : 0);
    static volatile unsigned long rounds;

    prepare_heap();
    char *volatile heap_end = sbrk(0);
    char *volatile area = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        give_up("mmap");

    sigsetjmp(back, 1);
    if (handlers == 0)
        install_handler(flags);
    start_timer(1000);
    while (handlers < wanted) {
        change_map(area, heap_end);
        rounds++;
    }
    start_timer(0);
    signal(SIGALRM, SIG_IGN);

    brk(heap_end);
    for (int i = 0; i < SLOTS; i++)
        free(slot[i]);
    say("@ handlers %d\n@ jumps %d\n", (int)handlers, (int)jumps);
    say("@ in-handlers malloc %d realloc %d free %d\n", (int)mallocs, (int)reallocs, (int)frees);
    say("@ rounds %s\n", rounds > 0 ? "some" : "none");
    say("@ end\n");
    return 0;
}
