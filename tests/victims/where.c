/* Variables of all kinds, that say themselves where they are: "@ NAME ADDRESS VALUE". What the
 * value is at the return of its function, or of fixed ones at the end, is said last. */
#include "victim.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT(variable) (void *)&(variable)
#define SAY(name, address, ...)                                                                    \
    (printf("@ %s %p ", name, (void *)(address)), printf(__VA_ARGS__), printf("\n"))

struct point {
    int x, y;
};
enum colour { RED, GREEN = 7 };

int global = -5;
static short of_file = -2;
__thread int of_thread = 9;
const char *text = "a constant";
double real = 1.5;
float single = 0.25f;
bool flag = true;
enum colour colour = GREEN;
unsigned long long huge = 18446744073709551615u;
long long low = -9000000000000000000;
char letter = 'x';
char name[16] = "a name";
struct point origin = {1, 2};
int grid[3][4];
void (*handler)(int);
static char across[6000] = "";
static jmp_buf jump;

static int recursive(int depth, const int *from)
{
    int here = depth;
    if (depth == 5) {
        SAY("recursive:depth", AT(depth), "5");
        SAY("recursive:from", AT(from), "%p", (const void *)from);
        SAY("recursive:here", AT(here), "6");
    }
    int sum = depth ? recursive(depth - 1, from) + here : *from;
    here++;
    return sum;
}

static void leaves(int number)
{
    volatile int inside = number;
    SAY("leaves:number", AT(number), "1");
    (void)inside;
    longjmp(jump, 1);
}

static void *thread(void *arg)
{
    int in_thread = *(int *)arg;
    SAY("thread:in_thread", AT(in_thread), "3");
    return NULL;
}

static void on_signal(int number)
{
    int of_handler = number;
    SAY("on_signal:of_handler", AT(of_handler), "%d", SIGUSR1);
}

static int never(int unused)
{
    return unused;
}

static int counter(void)
{
    static int count = 40;
    SAY("counter:count", AT(count), "42");
    return ++count;
}

static void ends(int code)
{
    int last = code + 1;
    SAY("ends:last", AT(last), "1");
    fflush(stdout);
    exit(code);
}

static void say_fixed(void)
{
    SAY("global", AT(global), "-5");
    SAY("of_file", AT(of_file), "-2");
    SAY("of_thread", AT(of_thread), "9");
    SAY("text", AT(text), "%p", (const void *)text);
    SAY("real", AT(real), "1.5");
    SAY("single", AT(single), "0.25");
    SAY("flag", AT(flag), "True");
    SAY("colour", AT(colour), "7");
    SAY("huge", AT(huge), "18446744073709551615");
    SAY("low", AT(low), "-9000000000000000000");
    SAY("letter", AT(letter), "120");
    SAY("name", AT(name), "a name");
    SAY("handler", AT(handler), "%p", (void *)handler);
}

int main(int argc, char **argv)
{
    int local = 3;
    void *block = malloc(100), *gone, *mapped;
    char *middle = (char *)block + 20;
    pthread_t other;
    handler = on_signal;
    recursive(5, &local);
    if (!setjmp(jump))
        leaves(1);
    if (pthread_create(&other, NULL, thread, &local) != 0)
        give_up("pthread_create");
    pthread_join(other, NULL);
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    counter();
    counter();
    pid_t child = fork();
    if (child == 0) { /* a copy, in which nothing of the tracer is left */
        recursive(2, &local);
        _exit(never(7) == 7 ? 0 : 1);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0)
        give_up("the child");
    gone = malloc(20000);
    mapped = malloc(40000000);
    say_fixed();
    SAY("main:local", AT(local), "3");
    SAY("main:block", AT(block), "%p", block);
    SAY("main:middle", AT(middle), "%p", (void *)middle);
    SAY("main:gone", AT(gone), "%p", gone);
    SAY("main:mapped", AT(mapped), "%p", mapped);
    SAY("main:argc", AT(argc), "%d", argc);
    SAY("main:argv", AT(argv), "%p", (void *)argv);
    (void)of_file;
    (void)origin;
    (void)grid;
    (void)across;
    free(gone);
    free(mapped);
    ends(0);
}
