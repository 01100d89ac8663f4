/* The handler of fatal signals, where the program has the default. It runs on an alternate stack
 * (signal_stacks.c) with all signals blocked, writes the record, sets the default and sends the
 * signal again, with all that it came with: so the process ends in the same way, and its core file
 * says the same. The instruction is not executed again, as that may go well: another thread may
 * have mapped something meanwhile, and not every fault is one of the instruction. */
#include "shim/kernel/last_words.h"
#include "schemas/fatal.h"
#include "shim/base/library.h"
#include "shim/base/own_stack.h"
#include "shim/base/state.h"
#include "shim/base/sys.h"
#include "shim/looks/attention.h"
#include "shim/looks/stack_use.h"
#include "shim/ring/emit.h"
#include "shim/ring/output.h"
#include "shim/stacks/stack_id.h"
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

#define TRAP_PAGE_FAULT 14
#define FAULT_WRITES 2 /* bits of its error code */
#define FAULT_FETCHES 16

extern const char last_words_return[] HIDDEN; /* last_words_*.S */

struct crash {
    const siginfo_t *info;
    const ucontext_t *context;
};

/* ---- what the context says ---- */

#ifdef __i386__
#define IP REG_EIP
#define SP REG_ESP
#define FP REG_EBP
#else
#define IP REG_RIP
#define SP REG_RSP
#define FP REG_RBP
#endif

static uintptr_t word_of(const struct crash *c, int which)
{
    return (uintptr_t)c->context->uc_mcontext.gregs[which];
}

/* A signal of these has an address unless somebody sent it; a page fault's error code says more. */
static enum pmt_access access_of(const struct crash *c)
{
    int number = c->info->si_signo, code = c->info->si_code;
    if ((number != SIGSEGV && number != SIGBUS) || code <= 0 || code == SI_KERNEL)
        return PMT_ACCESS_NONE;
    if (word_of(c, REG_TRAPNO) != TRAP_PAGE_FAULT)
        return PMT_ACCESS_UNKNOWN;
    uintptr_t error = word_of(c, REG_ERR);
    return error & FAULT_FETCHES  ? PMT_ACCESS_EXECUTE
           : error & FAULT_WRITES ? PMT_ACCESS_WRITE
                                  : PMT_ACCESS_READ;
}

/* ---- the record ---- */

/* glibc's struct abort_msg_s (include/stdlib.h), which abort(3) leaves for debuggers. */
struct abort_message {
    unsigned int size;
    char text[];
};

static struct abort_message *const *abort_message; /* glibc's __abort_msg; NULL: there is none */

void last_words_init(void)
{
    abort_message = library_system("__abort_msg");
}

static bool is_printable(char c)
{
    return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\t';
}

/* Its size; none at any other signal, as the program may have gone on. */
static uint32_t find_message(int number, const char **text)
{
    const struct abort_message *m = number == SIGABRT && abort_message ? *abort_message : NULL;
    if (!m || !sys_can_read(m))
        return 0;
    *text = m->text;
    uint32_t size = 0;
    while (size < PMT_MESSAGE_MAX && sys_can_read(m->text + size) && m->text[size])
        size++;
    return size;
}

/* A string of printable characters in a constant that was to be written: what the address is in. */
static uint32_t find_content(const struct crash *c, enum pmt_access access, const char **text)
{
    const char *address = c->info->si_addr, *from = address, *to = address;
    const uintptr_t page = live->page_size;
    if (access != PMT_ACCESS_WRITE || !sys_can_read(address))
        return 0;
    while ((uintptr_t)from % page && is_printable(from[-1]))
        from--;
    while (sys_can_read(to) && is_printable(*to))
        to++;
    *text = from;
    size_t size = (size_t)(to - from);
    return sys_can_read(to) && *to == 0 && size <= PMT_CONTENT_MAX ? (uint32_t)size : 0;
}

static void send(const struct crash *c, enum pmt_access access, uint32_t stack_id)
{
    const siginfo_t *info = c->info;
    const char *text = "";
    const char *content = "";
    uint32_t size = find_message(info->si_signo, &text);
    uint32_t content_size = find_content(c, access, &content);
    struct emit e = emit_begin((uint32_t)sizeof(struct pmt_fatal) + pmt_align(size + content_size));
    struct pmt_fatal *f = e.record;
    if (!f)
        return;
    emit_header(&e, PMT_RECORD_FATAL, (uint8_t)info->si_signo, stack_id, ticks_now());
    f->ip = word_of(c, IP);
    f->sp = word_of(c, SP);
    f->addr = access == PMT_ACCESS_NONE ? 0 : (uintptr_t)info->si_addr;
    f->stack_limit = stack_use_limit();
    f->code = info->si_code;
    f->access = access;
    f->sender = info->si_code <= 0 ? (uint32_t)info->si_pid : 0;
    f->message_size = size;
    f->content_size = content_size;
    f->content_at = content_size ? (uint32_t)((const char *)info->si_addr - content) : 0;
    memcpy(f + 1, text, size);
    memcpy((char *)(f + 1) + size, content, content_size);
    emit_end(&e);
}

static void tell(void *arg)
{
    const struct crash *c = arg;
    enum pmt_access access = access_of(c);
    struct unwind_registers at = {word_of(c, IP), word_of(c, SP), word_of(c, FP)};
    uint32_t stack_id = stack_id_of_signal(at, access != PMT_ACCESS_EXECUTE);
    stack_use_interrupted(at);
    attention_last_look(PMT_REASON_EXIT, stack_id);
    send(c, access, stack_id);
    if (live->sink == SINK_OUTPUT)
        output_close();
}

/* ---- the handler ---- */

/* Of several threads the first one tells; the others wait for the end. Not for ever: should it be
 * gone by itself they end, too. */
static bool is_first(void)
{
    static uint32_t telling;
    if (!__atomic_exchange_n(&telling, 1, __ATOMIC_ACQ_REL))
        return true;
    for (unsigned step = 0; step < 100; step++)
        sys_futex_wait(&telling, 1, 20);
    return false;
}

static void handle(int number, siginfo_t *info, void *context)
{
    static const struct last_words_action none; /* SIG_DFL */
    struct crash crash = {info, context};
    uint32_t pid = (uint32_t)sys0(__NR_getpid);
    bool may_tell = pid == live->pid && live->sink != SINK_NONE && !thread.left_at && !thread.busy;
    if (may_tell && is_first())
        own_stack_run(tell, &crash);
    sys4(__NR_rt_sigaction, number, &none, NULL, sizeof none.mask);
    sys4(__NR_rt_tgsigqueueinfo, pid, sys0(__NR_gettid), number, info);
}

struct last_words_action last_words_action(void)
{
    return (struct last_words_action){.handler = (uintptr_t)handle,
                                      .flags = SA_SIGINFO | SA_ONSTACK | SA_RESTORER,
                                      .restorer = (uintptr_t)last_words_return,
                                      .mask = ~0ull};
}
