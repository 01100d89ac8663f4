#include "runner/ptrace/allocator.h"
#include "runner/base/text.h"
#include "runner/ptrace/emulate.h"
#include "runner/ptrace/looks.h"
#include "runner/ptrace/mem.h"
#include "runner/ptrace/proc.h"
#include "runner/ptrace/sigtrap.h"
#include "runner/ptrace/step.h"
#include "schemas/glibc.h"
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define CODE_SEGMENT_32 0x23 /* of the kernel: a thread in 32-bit mode */

/* ---- where it is ---- */

/* The libc of a program that is dynamically linked: a file whose name begins so, and its code. */
static bool find_libc(struct recorder *r, struct space *space, pid_t pid)
{
    static const char *const names[] = {"/libc.so.", "/libc-2.", "/ld-musl-"};
    char path[PMT_PATH_MAX + 64];
    struct maps *maps = &r->maps;
    uint64_t at = 0;
    looks_start(r, space);
    for (; maps_next(maps, at); at = maps->region.end) {
        snprintf(path, sizeof path, "/proc/%d/root%.*s", pid, maps->region.path_size, maps->path);
        const char *name = strrchr(path, '/');
        for (size_t i = 0; (maps->region.perms & PMT_PERM_EXEC) && i < 3; i++)
            if (text_starts(name, names[i]))
                return breakpoints_find(&space->breakpoints, path, maps->region.start,
                                        maps->region.offset, 0);
    }
    return false;
}

void allocator_find(struct recorder *r, struct space *space, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    uint64_t entry = proc_auxiliary(pid, space->word_size, AT_ENTRY);
    if (breakpoints_find(&space->breakpoints, path, 0, 0, entry) || find_libc(r, space, pid))
        breakpoints_set(&space->breakpoints, pid);
}

/* ---- at a breakpoint ---- */

struct hit {
    struct user_regs_struct regs;
    bool is64;
    unsigned word; /* bytes on the stack */
};

static struct hit hit_of(struct tracee *thread)
{
    struct hit h = {.is64 = true};
    ptracer_ask(PTRACE_GETREGS, thread->tid, 0, (uintptr_t)&h.regs);
    h.is64 = h.regs.cs != CODE_SEGMENT_32;
    h.word = h.is64 ? 8 : 4;
    return h;
}

static void set_regs(struct tracee *thread, const struct hit *h)
{
    ptracer_ask(PTRACE_SETREGS, thread->tid, 0, (uintptr_t)&h->regs);
}

static void put_word(pid_t tid, uint64_t address, uint64_t word, unsigned bytes)
{
    mem_write(tid, address, &word, bytes);
}

/* A call began in a signal handler with a stack of its own; or the one before will never return
 * because of longjmp(3). */
static void push_call(struct tracee *thread)
{
    memmove(thread->outer + 1, thread->outer, sizeof thread->outer - sizeof *thread->outer);
    thread->outer[0] = thread->allocator;
}

static void pop_call(struct tracee *thread)
{
    thread->allocator = thread->outer[0];
    memmove(thread->outer, thread->outer + 1, sizeof thread->outer - sizeof *thread->outer);
    thread->outer[TRACEES_OUTER_CALLS - 1].call = PMT_CALL_NONE;
}

/* Makes the call that returns to the trap with this stack pointer the thread's only one, of those
 * that it is in. */
static bool find_call(struct tracee *thread, const struct hit *h)
{
    unsigned depth = 0;
    const struct allocator_call *call = &thread->allocator;
    while (call->call && call->sp + h->word != h->regs.rsp && depth < TRACEES_OUTER_CALLS)
        call = &thread->outer[depth++];
    if (!call->call || call->sp + h->word != h->regs.rsp)
        return false;
    while (depth--)
        pop_call(thread);
    return true;
}

/* The calls return as they would have done without us. */
static void restore_returns(pid_t tid, const struct tracee *thread, const struct breakpoints *b,
                            unsigned word)
{
    const struct allocator_call *call = &thread->allocator;
    for (unsigned depth = 0; call->call; call = &thread->outer[depth++]) {
        if (mem_read_word(tid, call->sp, word) == b->trap)
            put_word(tid, call->sp, call->return_to, word);
        if (depth == TRACEES_OUTER_CALLS)
            return;
    }
}

void allocator_clean_child(const struct space *space, const struct tracee *thread)
{
    breakpoints_remove(&space->breakpoints, thread->tid);
    restore_returns(thread->tid, thread, &space->breakpoints, space->word_size);
}

/* ---- what is recorded ---- */

static uint64_t argument(struct tracee *thread, const struct hit *h, unsigned number)
{
    const unsigned long long in_regs[] = {h->regs.rdi, h->regs.rsi, h->regs.rdx};
    if (h->is64)
        return in_regs[number];
    return mem_read_word(thread->tid, h->regs.rsp + 4 + 4 * number, 4);
}

static uint64_t chunk_of(const struct tracee *thread, uint64_t block)
{
    const struct space *space = thread->process->space;
    if (!block || !space->breakpoints.glibc)
        return 0;
    return mem_read_word(thread->tid, glibc_chunk_at(block, space->word_size), space->word_size);
}

static uint32_t size_of(const struct allocator_call *call, uint64_t addr)
{
    if (call->call == PMT_CALL_FREE)
        return PMT_ALLOC_FREE_SIZE;
    bool is_short = call->call == PMT_CALL_MALLOC || call->call == PMT_CALL_CALLOC;
    return is_short && addr ? PMT_ALLOC_MALLOC_SIZE : (uint32_t)sizeof(struct pmt_alloc);
}

static void record(struct ptracer *t, struct tracee *thread, uint64_t addr, int error)
{
    const struct allocator_call *call = &thread->allocator;
    struct pmt_alloc *a = recorder_begin(t->recorder, size_of(call, addr), PMT_RECORD_ALLOC,
                                         (uint8_t)call->call, thread->tid, call->stack_id);
    a->addr = addr;
    a->chunk = chunk_of(thread, addr);
    if (a->r.units > PMT_ALLOC_FREE_SIZE / PMT_RECORD_ALIGN)
        a->size = call->size;
    if (a->r.units == sizeof *a / PMT_RECORD_ALIGN) {
        a->old_addr = call->old_addr;
        a->alignment = call->alignment;
        a->began = call->began;
        a->error = (uint32_t)error;
    }
    recorder_send(t->recorder, thread->process->space, call->began_ns);
}

static uint64_t product(uint64_t a, uint64_t b)
{
    uint64_t result;
    return __builtin_mul_overflow(a, b, &result) ? UINT64_MAX : result;
}

static void take_arguments(struct tracee *thread, const struct hit *h)
{
    struct allocator_call *c = &thread->allocator;
    uint64_t a = argument(thread, h, 0), b = argument(thread, h, 1);
    switch (c->call) {
    case PMT_CALL_CALLOC:
        c->size = product(a, b);
        break;
    case PMT_CALL_REALLOC:
        c->old_addr = a;
        c->size = b;
        break;
    case PMT_CALL_REALLOCARRAY:
        c->old_addr = a;
        c->size = product(b, argument(thread, h, 2));
        break;
    case PMT_CALL_MEMALIGN:
    case PMT_CALL_ALIGNED_ALLOC:
        c->alignment = a;
        c->size = b;
        break;
    case PMT_CALL_POSIX_MEMALIGN:
        c->result_at = a;
        c->alignment = b;
        c->size = argument(thread, h, 2);
        break;
    case PMT_CALL_FREE:
        break;
    default:
        c->size = a;
    }
}

/* At the entry of a function: the stack as it is after its return. */
static uint32_t stack_of_caller(struct ptracer *t, struct tracee *thread, const struct hit *h)
{
    struct user_regs_struct regs = h->regs;
    regs.rip = thread->allocator.return_to;
    regs.rsp += h->word;
    return recorder_stack(t->recorder, thread, &regs, t->call_frames);
}

static void begin_call(struct ptracer *t, struct tracee *thread, struct hit *h, enum pmt_call call)
{
    const struct space *space = thread->process->space;
    struct allocator_call *c = &thread->allocator;
    if (c->call)
        push_call(thread);
    *c = (struct allocator_call){.call = call, .sp = h->regs.rsp};
    c->return_to = mem_read_word(thread->tid, c->sp, h->word);
    c->began_ns = recorder_now(t->recorder);
    c->began = c->began_ns + t->recorder->start_ns;
    c->stack_id = stack_of_caller(t, thread, h);
    take_arguments(thread, h);
    if (call == PMT_CALL_FREE)
        record(t, thread, argument(thread, h, 0), 0);
    put_word(thread->tid, c->sp, space->breakpoints.trap, h->word);
}

static void end_call(struct ptracer *t, struct tracee *thread, struct hit *h, int *instead)
{
    struct allocator_call *c = &thread->allocator;
    uint64_t result = h->is64 ? h->regs.rax : (uint32_t)h->regs.rax;
    bool freed = c->call == PMT_CALL_REALLOC && c->old_addr && !c->size;
    int error = result || freed ? 0 : ENOMEM;
    if (c->call == PMT_CALL_POSIX_MEMALIGN) {
        error = (int)result;
        result = error ? 0 : mem_read_word(thread->tid, c->result_at, h->word);
    }
    if (c->call != PMT_CALL_FREE && thread->process->space->image)
        record(t, thread, result, error);
    h->regs.rip = c->return_to;
    pop_call(thread);
    set_regs(thread, h);
    sigtrap_go_on(t, thread, 0, instead);
}

/* ---- over the instruction that the breakpoint is in the place of ---- */

static bool byte_at(void *arg, uint64_t address, uint8_t *out)
{
    const struct tracee *thread = arg;
    return mem_read(thread->tid, address, out, 1);
}

static bool emulate(struct tracee *thread, struct hit *h, const struct breakpoint *at)
{
    uint64_t value;
    unsigned store;
    struct hit after = *h;
    if (!emulate_instruction(&after.regs, at->code, h->is64, byte_at, thread, &value, &store))
        return false;
    if (store)
        put_word(thread->tid, after.regs.rsp, value, store);
    set_regs(thread, &after);
    return true;
}

static void enter(struct ptracer *t, struct tracee *thread, struct hit *h,
                  const struct breakpoint *at, int *instead)
{
    const struct process *p = thread->process;
    const struct allocator_call *call = &thread->allocator;
    /* also by a jump in place of a call and a return: realloc(NULL, n) jumps to malloc */
    bool jumped = call->call && h->regs.rsp == call->sp &&
                  mem_read_word(thread->tid, call->sp, h->word) == p->space->breakpoints.trap;
    bool inside = jumped || (call->call && h->regs.rsp < call->sp);
    if (!inside && p->recorded && p->space->image)
        begin_call(t, thread, h, at->call);
    h->regs.rip = at->address;
    if (emulate(thread, h, at))
        return sigtrap_go_on(t, thread, 0, instead);
    set_regs(thread, h);
    sigtrap_block(thread); /* one for the process may wait */
    int signal = step_over(t, thread, at->address, at->code[0], instead);
    if (signal >= 0)
        sigtrap_go_on(t, thread, signal, instead);
}

bool allocator_trapped(struct ptracer *t, struct tracee *thread, int *instead)
{
    const struct breakpoints *b = &thread->process->space->breakpoints;
    if (!b->count || !sigtrap_is_breakpoint(thread))
        return false;
    struct hit h = hit_of(thread);
    const struct breakpoint *at = breakpoints_at(b, h.regs.rip - 1);
    bool returns = h.regs.rip - 1 == b->trap && find_call(thread, &h);
    if (returns)
        end_call(t, thread, &h, instead);
    else if (at && at->call)
        enter(t, thread, &h, at, instead);
    return returns || (at && at->call);
}

/* ---- letting go ---- */

bool allocator_untrap(struct tracee *thread, bool at_signal)
{
    const struct breakpoints *b = &thread->process->space->breakpoints;
    if (!b->count)
        return false;
    struct hit h = hit_of(thread);
    bool trapped = at_signal && sigtrap_is_breakpoint(thread);
    if (trapped && h.regs.rip - 1 == b->trap && find_call(thread, &h)) {
        h.regs.rip = thread->allocator.return_to;
        pop_call(thread);
    } else if (trapped && breakpoints_at(b, h.regs.rip - 1)) {
        h.regs.rip--;
    } else {
        trapped = false;
    }
    if (trapped)
        set_regs(thread, &h);
    restore_returns(thread->tid, thread, b, h.word);
    return trapped;
}
