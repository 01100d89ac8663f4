/*
 * call_paths - allocates at the end of call chains that are hard to walk back.
 *
 * Each `@ chain NAME OUTER ... INNER` names the functions of the program that are on the stack of
 * the malloc whose size follows in `@ size NAME N`, outermost first. Sizes are unique. TAIL stands
 * for tail_caller, or for nothing where the compiler makes its last call a jump.
 */
#define _GNU_SOURCE
#include "victim.h"
#include <alloca.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define KEPT __attribute__((noinline, noclone))

static volatile int sink;
static void *volatile block;
static size_t next_size = 1001;

static void chain(const char *name, const char *functions)
{
    say("@ chain %s %s\n@ size %s %lu\n", name, functions, name, (unsigned long)next_size);
}

/* The innermost of all chains: its call of malloc is not in the last place, so it has a frame. */
KEPT void allocate(void)
{
    block = malloc(next_size++);
    free(block);
    sink++;
}

/* ---- frames of many forms ---- */

KEPT void plain(int depth)
{
    if (depth > 0)
        plain(depth - 1);
    else
        allocate();
    sink++;
}

KEPT void with_alloca(size_t size)
{
    char *bytes = alloca(size);
    memset(bytes, 1, size);
    plain(2);
    sink += bytes[size / 2];
}

KEPT void with_array(int size)
{
    char bytes[size];
    memset(bytes, 1, (size_t)size);
    plain(1);
    sink += bytes[size / 2];
}

KEPT void with_large_frame(void)
{
    volatile char bytes[300000];
    bytes[0] = 1;
    plain(1);
    sink += bytes[0];
}

KEPT void aligned(void)
{
    _Alignas(64) volatile char bytes[128];
    bytes[0] = 1;
    plain(1);
    sink += bytes[0];
}

KEPT void aligned_and_dynamic(int size)
{
    _Alignas(64) volatile char bytes[128];
    char *more = alloca((size_t)size);
    more[0] = 1;
    bytes[0] = more[0];
    plain(1);
    sink += bytes[0] + more[0];
}

/* Registers are scarce: ebp is one more of them where it is no frame pointer. */
KEPT int with_registers(int a, int b, int c, int d, int e, int f)
{
    for (int i = 0; i < 3; i++) {
        a += b * c;
        b ^= d + a;
        c += e * b;
        d -= f ^ c;
        e += a;
        f ^= e;
    }
    plain(1);
    return a ^ b ^ c ^ d ^ e ^ f;
}

KEPT void jumped_to(void)
{
    allocate();
    sink++;
}

KEPT void tail_caller(void)
{
    sink++;
    jumped_to(); /* a jump, where the compiler optimises */
}

static jmp_buf back;

__attribute__((noreturn)) KEPT void never_returns(void)
{
    allocate();
    longjmp(back, 1);
}

KEPT void last_instruction_is_a_call(void)
{
    sink++;
    never_returns();
}

static int compare(const void *a, const void *b)
{
    static int once;
    if (!once++)
        allocate();
    return *(const int *)a - *(const int *)b;
}

/* ---- signals ---- */

KEPT void handler(int number)
{
    allocate();
    sink += number;
}

KEPT void raise_it(void)
{
    raise(SIGUSR1);
    sink++;
}

KEPT void fault_at(volatile int *address)
{
    sink++;
    *address = 1;
    sink++;
}

static sigjmp_buf after_fault;

KEPT void fault_handler(int number)
{
    (void)number;
    allocate();
    siglongjmp(after_fault, 1);
}

KEPT void signals(int altstack)
{
    static char stack[64 << 10];
    stack_t s = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = handler, .sa_flags = altstack ? SA_ONSTACK : 0};
    struct sigaction info = {.sa_handler = handler,
                             .sa_flags = SA_SIGINFO | (altstack ? SA_ONSTACK : 0)};
    struct sigaction fault = {.sa_handler = fault_handler,
                              .sa_flags = altstack ? SA_ONSTACK : 0};
    if (altstack)
        sigaltstack(&s, NULL);
    sigaction(SIGUSR1, &action, NULL);
    chain(altstack ? "altstack" : "signal", "main signals raise_it handler allocate");
    raise_it();
    sigaction(SIGUSR1, &info, NULL);
    chain(altstack ? "altstack-rt" : "signal-rt", "main signals raise_it handler allocate");
    raise_it();
    sigaction(SIGSEGV, &fault, NULL);
    chain(altstack ? "altstack-fault" : "fault", "main signals fault_at fault_handler allocate");
    if (!sigsetjmp(after_fault, 1))
        fault_at(NULL);
}

/* ---- coroutines ---- */

static ucontext_t caller_context, coroutine_context;

KEPT void coroutine(void)
{
    chain("coroutine", "coroutine plain allocate");
    plain(0);
    swapcontext(&coroutine_context, &caller_context);
    chain("coroutine-again", "coroutine plain plain allocate");
    plain(1);
    sink++;
}

KEPT void coroutines(size_t size)
{
    void *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    getcontext(&coroutine_context);
    coroutine_context.uc_stack.ss_sp = stack;
    coroutine_context.uc_stack.ss_size = size;
    coroutine_context.uc_link = &caller_context;
    makecontext(&coroutine_context, coroutine, 0);
    swapcontext(&caller_context, &coroutine_context);
    chain("between", "main coroutines plain allocate");
    plain(0);
    swapcontext(&caller_context, &coroutine_context);
    munmap(stack, size);
}

/* ---- code without unwind tables ---- */

/* Calls its argument, with the stack aligned and nothing said about it anywhere. */
static const unsigned char machine_code[] = {
#ifdef __i386__
    0x8b, 0x44, 0x24, 0x04, /* mov 4(%esp),%eax */
    0x83, 0xec, 0x0c,       /* sub $12,%esp */
    0xff, 0xd0,             /* call *%eax */
    0x83, 0xc4, 0x0c,       /* add $12,%esp */
    0xc3,
#else
    0x48, 0x83, 0xec, 0x08, /* sub $8,%rsp */
    0xff, 0xd7,             /* call *%rdi */
    0x48, 0x83, 0xc4, 0x08, /* add $8,%rsp */
    0xc3,
#endif
};

KEPT void generated(void)
{
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(code, machine_code, sizeof machine_code);
    mprotect(code, 4096, PROT_READ | PROT_EXEC);
    void (*call)(void (*)(void)) = (void (*)(void (*)(void)))code;
    chain("generated", "allocate");
    call(allocate);
    chain("generated-again", "allocate");
    call(allocate);
    munmap(code, 4096);
}

int main(void)
{
    int numbers[] = {3, 1, 2};
    chain("plain", "main plain plain plain plain allocate");
    plain(3);
    chain("alloca", "main with_alloca plain plain plain allocate");
    with_alloca(100);
    chain("alloca-larger", "main with_alloca plain plain plain allocate");
    with_alloca(10000);
    chain("array", "main with_array plain plain allocate");
    with_array(1000);
    chain("large-frame", "main with_large_frame plain plain allocate");
    with_large_frame();
    chain("aligned", "main aligned plain plain allocate");
    aligned();
    chain("aligned-dynamic", "main aligned_and_dynamic plain plain allocate");
    aligned_and_dynamic(500);
    chain("registers", "main with_registers plain plain allocate");
    sink += with_registers(1, 2, 3, 4, 5, 6);
    chain("tail", "main TAIL jumped_to allocate");
    tail_caller();
    chain("noreturn", "main last_instruction_is_a_call never_returns allocate");
    if (!setjmp(back))
        last_instruction_is_a_call();
    chain("callback", "main compare allocate");
    qsort(numbers, 3, sizeof *numbers, compare);
    signals(0);
    coroutines(64 << 10);
    coroutines(256 << 10);
    generated();
    signals(1);
    return 0;
}
