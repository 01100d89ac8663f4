#include "shim/kernel/signal_stacks.h"
#include "shim/base/area.h"
#include "shim/base/environment.h"
#include "shim/base/state.h"
#include <elf.h>
#include <link.h>
#include <signal.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#define FRAME_OF_OLD_KERNELS 4096u /* which do not say: with AVX-512 */

/* More than our handlers need: where another thread is the first to set a stack of the program's
 * own, handlers of the program run on this one, see dispositions.c. */
#define SIZE (64u << 10)
#define MOST (sizeof(long) == 4 ? 16u : 64u) /* threads beyond these are without */

static struct place {
    uint32_t taken;
    unsigned char *memory; /* NULL: not got yet */
} places[MOST];
static bool are_given;

static __thread struct place *own __attribute__((tls_model("initial-exec")));

unsigned long signal_stacks_frame(void)
{
    static unsigned long frame;
    if (frame)
        return frame;
    char *const *end = environment_variables();
    while (*end)
        end++;
    unsigned long said = FRAME_OF_OLD_KERNELS;
    for (const ElfW(auxv_t) *v = (const void *)(end + 1); v->a_type != AT_NULL; v++)
        if (v->a_type == AT_MINSIGSTKSZ)
            said = v->a_un.a_val;
    return frame = said;
}

static long set(void *stack)
{
    const stack_t new = {.ss_sp = stack, .ss_flags = stack ? 0 : SS_DISABLE, .ss_size = SIZE};
    return sys2(__NR_sigaltstack, &new, NULL);
}

static bool is_ours(const stack_t *s)
{
    return !(s->ss_flags & SS_DISABLE) && area_owns(s->ss_sp);
}

static struct place *take(void)
{
    for (struct place *p = places; p < places + MOST; p++) {
        if (__atomic_exchange_n(&p->taken, 1, __ATOMIC_ACQUIRE))
            continue;
        if (!p->memory)
            p->memory = area_get(SIZE);
        return p->memory ? p : NULL;
    }
    return NULL;
}

void signal_stacks_give(void)
{
    stack_t now;
    if (!are_given || own || sys2(__NR_sigaltstack, NULL, &now) != 0 ||
        !(now.ss_flags & SS_DISABLE))
        return;
    own = take();
    if (own && set(own->memory) != 0)
        signal_stacks_take_back();
}

void signal_stacks_take_back(void)
{
    if (own)
        __atomic_store_n(&own->taken, 0, __ATOMIC_RELEASE);
    own = NULL;
}

void signal_stacks_start(void)
{
    are_given = true;
}

void signal_stacks_stop(void)
{
    are_given = false;
}

void signal_stacks_remove(void)
{
    stack_t now;
    if (sys2(__NR_sigaltstack, NULL, &now) == 0 && is_ours(&now))
        set(NULL);
    signal_stacks_take_back();
}

/* The kernel reads and writes the program's memory itself, and so says what it says of bad
 * addresses; what it has written can be changed. */
long signal_stacks_call(const struct sys_regs *regs, unsigned long *size_now)
{
    static const stack_t none = {.ss_flags = SS_DISABLE};
    stack_t now = none, *old = (stack_t *)regs->args[1];
    *size_now = 0;
    long result = sys_call_regs(regs);
    if (result != 0)
        return result;
    if (old && is_ours(old))
        *old = none;
    if (!regs->args[0])
        return result;
    sys2(__NR_sigaltstack, NULL, &now);
    if (!(now.ss_flags & SS_DISABLE))
        *size_now = now.ss_size;
    else if (own && are_given)
        set(own->memory);
    return result;
}
