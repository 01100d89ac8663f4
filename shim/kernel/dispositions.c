/* The kernel's table of handlers is the truth, also for a child of vfork(2), which has a copy of it
 * but not of our memory: where it has our handler, the program has the default. What it has said
 * beside (flags, mask) is kept here.
 *
 * While threads have an alternate stack of ours (signal_stacks.c), no handler of the program's may
 * run there: SA_ONSTACK is kept from the kernel until the program sets a stack for it. From then on
 * no further thread has one of ours; those that have it keep it, as nobody but they can put it
 * back. */
#include "shim/kernel/dispositions.h"
#include "schemas/calls.h"
#include "shim/base/library.h"
#include "shim/base/lock.h"
#include "shim/base/state.h"
#include "shim/kernel/last_words.h"
#include "shim/kernel/signal_stacks.h"
#include <signal.h>
#include <string.h>

typedef struct last_words_action action;

#define SIGNALS 64
#define BIT(number) (1ull << ((number)-1))
#define FATAL_BIT(number, name) | BIT(number)
static const uint64_t fatal = 0 PMT_FATAL_SIGNALS(FATAL_BIT);

static struct lock lock;
static uint64_t handled;         /* signals that get our handler in the place of the default */
static action defaults[SIGNALS]; /* of these: what the program has set; of number N at N - 1 */
static bool holds_back;          /* SA_ONSTACK */
static uint64_t held_back;       /* signals that have it */

static long kernel(int number, const action *new, action *old)
{
    return sys4(__NR_rt_sigaction, number, new, old, sizeof old->mask);
}

static bool is_ours(const action *a)
{
    return a->handler == last_words_action().handler;
}

static bool is_own_process(void)
{
    return (uint32_t)sys0(__NR_getpid) == live->pid;
}

/* ---- in and out ---- */

/* Runtimes of sanitizers have handlers of their own, and set them past libc. All of them have one
 * of these. */
static bool has_sanitizer(void)
{
    static const char *const names[] = {"__sanitizer_set_death_callback",
                                        "__sanitizer_set_report_path", "__asan_init", "__tsan_init",
                                        "__lsan_init"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (library_search(library_first(), names[i], NULL))
            return true;
    return false;
}

/* The first process of a name space is not ended by signals that have their default. */
void dispositions_begin(void)
{
    action now, ours = last_words_action();
    if (live->pid == 1 || has_sanitizer())
        return;
    last_words_init();
    signal_stacks_start();
    signal_stacks_give();
    holds_back = true;
    for (int number = 1; number <= SIGNALS; number++)
        if (fatal & BIT(number) && kernel(number, NULL, &now) == 0 && !now.handler) {
            defaults[number - 1] = now;
            handled |= BIT(number);
            kernel(number, &ours, NULL);
        }
}

static void take_out(uint64_t which)
{
    action now;
    for (int number = 1; number <= SIGNALS; number++)
        if (handled & which & BIT(number) && kernel(number, NULL, &now) == 0 && is_ours(&now))
            kernel(number, &defaults[number - 1], NULL);
    handled &= ~which;
}

static void let_go(void)
{
    action now;
    for (int number = 1; number <= SIGNALS; number++)
        if (held_back & BIT(number) && kernel(number, NULL, &now) == 0) {
            now.flags |= SA_ONSTACK;
            kernel(number, &now, NULL);
        }
    held_back = 0;
    holds_back = false;
}

void dispositions_forked(void)
{
    lock = (struct lock){0};
    if (live->sink != SINK_NONE || (!holds_back && !handled))
        return;
    signal_stacks_stop();
    signal_stacks_remove();
    take_out(~0ull);
    let_go();
}

/* ---- the calls ---- */

/* What the program is told of what the kernel has said. */
static void translate(action *old, const action *before, bool was_held_back)
{
    if (is_ours(old))
        *old = *before;
    else if (was_held_back)
        old->flags |= SA_ONSTACK;
}

/* What the kernel is told in the place of what the program wants. */
static action instead_of(int number, const action *wanted)
{
    action a = *wanted;
    if (a.handler <= (uintptr_t)SIG_IGN)
        return a.handler == (uintptr_t)SIG_DFL && handled & BIT(number) ? last_words_action() : a;
    if (holds_back)
        a.flags &= ~(unsigned long)SA_ONSTACK;
    return a;
}

static void keep(int number, const action *wanted, const action *given)
{
    if (is_ours(given))
        defaults[number - 1] = *wanted;
    if (wanted->flags != given->flags && !is_ours(given))
        held_back |= BIT(number);
    else
        held_back &= ~BIT(number);
}

static long set_action(const struct sys_regs *regs, int number)
{
    const action *new = (const action *)regs->args[1];
    action *old = (action *)regs->args[2], before = defaults[number - 1];
    bool was_held_back = held_back & BIT(number);
    struct sys_regs changed = *regs;
    action wanted, given;
    bool changes = new &&sys_can_read(new) && sys_can_read((const char *)(new + 1) - 1);
    if (changes) {
        wanted = *new;
        given = instead_of(number, &wanted);
        changed.args[1] = (unsigned long)&given;
    }
    long result = sys_call_regs(&changed);
    if (result == 0 && old)
        translate(old, &before, was_held_back);
    if (result == 0 && changes)
        keep(number, &wanted, &given);
    return result;
}

/* With a stack of the program's own only SIGSEGV is told: the frame of any other signal may find no
 * room there, and would end the process by SIGSEGV. */
static long set_stack(const struct sys_regs *regs)
{
    unsigned long size;
    long result = signal_stacks_call(regs, &size);
    if (!size || !holds_back)
        return result;
    bool enough = size >= signal_stacks_frame() + SIGNAL_STACKS_FOR_HANDLER;
    take_out(enough ? ~BIT(SIGSEGV) : ~0ull);
    signal_stacks_stop();
    let_go();
    return result;
}

void dispositions_give_up(void)
{
    if (is_own_process())
        take_out(~0ull);
}

/* Of a child that has our memory, or of whose process nobody has told us. */
static long of_another(const struct sys_regs *regs)
{
    const int number = (int)regs->args[0];
    action *old = (action *)regs->args[2];
    unsigned long size;
    if (regs->nr == __NR_sigaltstack)
        return signal_stacks_call(regs, &size);
    long result = sys_call_regs(regs);
    if (regs->nr == __NR_rt_sigaction && result == 0 && old)
        translate(old, &defaults[number - 1], held_back & BIT(number));
    return result;
}

static long make(const struct sys_regs *regs)
{
    int number = (int)regs->args[0];
    if (regs->nr == __NR_sigaltstack)
        return set_stack(regs);
    if (regs->nr == __NR_rt_sigaction && regs->args[3] == sizeof defaults->mask && number >= 1 &&
        number <= SIGNALS)
        return set_action(regs, number);
    if (regs->nr != __NR_rt_sigaction) /* an old form, which nobody uses */
        dispositions_give_up();
    return sys_call_regs(regs);
}

long dispositions_call(const struct sys_regs *regs)
{
    uint64_t mask;
    if (!handled && !holds_back)
        return sys_call_regs(regs);
    if (!is_own_process())
        return of_another(regs);
    sys_block_signals(&mask);
    bool locked = lock_take(&lock);
    long result = make(regs);
    if (locked)
        lock_release(&lock);
    sys_restore_signals(&mask);
    return result;
}
