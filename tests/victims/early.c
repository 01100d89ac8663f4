/*
 * early: allocates before any constructor of a preloaded library has run, and after its
 * destructor has.
 *
 * Order: .preinit_array (here), constructor of early_lib, [the tracer's constructor], constructor
 * (here), main, atexit handler, destructor (here), [the tracer's destructor], destructor of
 * early_lib. The tracer must see all of it: its first call may come before its own start, its
 * last one after its own end.
 *
 * Link with the library made from early_lib.c.
 */
#include "early_lib.h"
#include "victim.h"

static void *from_preinit, *from_constructor;

static void before_everything(void)
{
    say("@ phase preinit\n");
    from_preinit = MALLOC(10001);
    FREE(MALLOC(400001));
}

__attribute__((section(".preinit_array"), used)) static void (*preinit)(void) = before_everything;

__attribute__((constructor(101))) static void program_starts(void)
{
    say("@ phase program-constructor\n");
    from_constructor = MALLOC(10002);
}

__attribute__((destructor)) static void program_ends(void)
{
    say("@ phase program-destructor\n");
    FREE(from_constructor);
    FREE(MALLOC(400005));
}

static void at_exit(void)
{
    say("@ phase atexit\n");
    FREE(from_preinit);
    FREE(MALLOC(10003));
}

int main(void)
{
    say("@ phase main\n");
    atexit(at_exit);
    say("@ early-block 0x%lx\n", (unsigned long)early_block());
    FREE(MALLOC(10004));
    return 0;
}
