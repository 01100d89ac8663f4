#include "runner/ptrace/last_words.h"
#include "runner/ptrace/access.h"
#include "runner/ptrace/looks.h"
#include "runner/ptrace/mem.h"
#include "runner/ptrace/proc.h"
#include "schemas/fatal.h"
#include <string.h>
#include <sys/resource.h>

#define BIT(number) (UINT64_C(1) << ((number)-1))

/* What the signal came with. */
struct crash {
    const struct tracee *thread;
    siginfo_t info;
    struct user_regs_struct regs;
    enum pmt_access access;
    char text[PMT_MESSAGE_MAX + PMT_CONTENT_MAX];
    uint32_t message, content, content_at; /* sizes, as in struct pmt_fatal */
};

/* The error code of the page fault cannot be had. */
static enum pmt_access access_of(const struct crash *c)
{
    int number = c->info.si_signo, code = c->info.si_code;
    if ((number != SIGSEGV && number != SIGBUS) || code <= 0 || code == SI_KERNEL)
        return PMT_ACCESS_NONE;
    uint64_t address = (uintptr_t)c->info.si_addr;
    uint8_t bytes[ACCESS_CODE] = {0};
    if (address == c->regs.rip)
        return PMT_ACCESS_EXECUTE;
    mem_read_some(c->thread->tid, c->regs.rip, bytes, sizeof bytes);
    return access_of_instruction(bytes, c->thread->process->space->word_size == 8, &c->regs,
                                 address);
}

/* glibc's struct abort_msg_s: a size, and the text. */
static void read_message(struct crash *c)
{
    const struct space *space = c->thread->process->space;
    uint64_t variable = space->breakpoints.abort_message;
    if (c->info.si_signo != SIGABRT || !variable)
        return;
    uint64_t message = mem_read_word(c->thread->tid, variable, space->word_size);
    if (!message)
        return;
    mem_read_text(c->thread->tid, message + sizeof(unsigned int), c->text, PMT_MESSAGE_MAX);
    c->message = (uint32_t)strlen(c->text);
}

static bool is_printable(char c)
{
    return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\t';
}

/* As the shim does. */
static void read_content(struct crash *c)
{
    uint64_t address = (uintptr_t)c->info.si_addr, page = address & ~UINT64_C(4095);
    char around[2 * PMT_CONTENT_MAX + 1];
    uint64_t from = address - page > PMT_CONTENT_MAX ? address - PMT_CONTENT_MAX : page;
    size_t at = address - from, first = at, end = at;
    size_t size = c->access == PMT_ACCESS_WRITE
                      ? mem_read_some(c->thread->tid, from, around, sizeof around)
                      : 0;
    while (first && first <= size && is_printable(around[first - 1]))
        first--;
    while (end < size && is_printable(around[end]))
        end++;
    if (end >= size || around[end] || end - first > PMT_CONTENT_MAX)
        return;
    c->content = (uint32_t)(end - first);
    c->content_at = c->content ? (uint32_t)(at - first) : 0;
    memcpy(c->text + c->message, around + first, c->content);
}

static uint64_t stack_limit(pid_t pid)
{
    struct rlimit limit;
    bool known = prlimit(pid, RLIMIT_STACK, NULL, &limit) == 0;
    return known && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur : 0;
}

static void record(struct recorder *r, struct crash *c, uint32_t stack_id)
{
    const struct process *p = c->thread->process;
    struct pmt_fatal *f =
        recorder_begin(r, (uint32_t)sizeof *f + c->message + c->content, PMT_RECORD_FATAL,
                       (uint8_t)c->info.si_signo, c->thread->tid, stack_id);
    f->ip = c->regs.rip;
    f->sp = c->regs.rsp;
    f->addr = c->access == PMT_ACCESS_NONE ? 0 : (uintptr_t)c->info.si_addr;
    f->stack_limit = stack_limit(p->pid);
    f->code = c->info.si_code;
    f->access = c->access;
    f->sender = c->info.si_code <= 0 ? (uint32_t)c->info.si_pid : 0;
    f->message_size = c->message;
    f->content_size = c->content;
    f->content_at = c->content_at;
    memcpy(f + 1, c->text, c->message + c->content);
    recorder_send(r, p->space, 0);
}

static bool is_told(const struct ptracer *t, const struct tracee *thread, int signal)
{
    const struct process *p = thread->process;
    return !t->no_last_words && call_is_fatal_signal((unsigned)signal) && p && p->recorded &&
           p->space->image && !p->borrowed && !thread->leaving &&
           !((proc_signals(thread->tid, "SigCgt") | proc_signals(thread->tid, "SigIgn")) &
             BIT(signal));
}

void last_words(struct ptracer *t, struct tracee *thread, int signal)
{
    struct crash c = {.thread = thread};
    if (!is_told(t, thread, signal) ||
        ptracer_ask(PTRACE_GETSIGINFO, thread->tid, 0, (uintptr_t)&c.info) < 0 ||
        ptracer_ask(PTRACE_GETREGS, thread->tid, 0, (uintptr_t)&c.regs) < 0)
        return;
    c.access = access_of(&c);
    read_message(&c);
    read_content(&c);
    uint32_t stack_id = recorder_stack_of_signal(t->recorder, thread, &c.regs,
                                                 c.access != PMT_ACCESS_EXECUTE, t->change_frames);
    looks_whole(t->recorder, thread, PMT_REASON_EXIT, stack_id);
    record(t->recorder, &c, stack_id);
}
