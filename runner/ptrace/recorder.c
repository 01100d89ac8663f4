#include "runner/ptrace/recorder.h"
#include "runner/base/memory.h"
#include "runner/base/now.h"
#include "runner/ptrace/mem.h"
#include <string.h>
#include <sys/wait.h>

struct recorder *recorder_new(struct model *model, bool text)
{
    struct recorder *r = memory_get(sizeof *r);
    r->model = model;
    r->text = text;
    r->start_ns = now_ns(CLOCK_MONOTONIC) - 1; /* no event is at 0 */
    return r;
}

void recorder_free(struct recorder *r)
{
    memory_put(r);
}

uint64_t recorder_now(const struct recorder *r)
{
    return now_ns(CLOCK_MONOTONIC) - r->start_ns;
}

void *recorder_begin(struct recorder *r, uint32_t size, enum pmt_record_type type, uint8_t call,
                     pid_t tid, uint32_t stack_id)
{
    struct pmt_record *record = (struct pmt_record *)r->bytes;
    size = pmt_align(size);
    memset(record, 0, size < 512 ? size : 512); /* the head; the rest is written over */
    record->units = (uint16_t)(size / PMT_RECORD_ALIGN);
    record->type = (uint8_t)type;
    record->call = call;
    record->tid = (uint32_t)tid;
    record->stack_id = stack_id;
    record->time = now_ns(CLOCK_MONOTONIC);
    return record;
}

void recorder_send(struct recorder *r, const struct space *space, uint64_t began_ns)
{
    const struct pmt_record *record = (const struct pmt_record *)r->bytes;
    struct event event = {.record = record,
                          .t_ns = record->time - r->start_ns,
                          .began_ns = began_ns,
                          .pid = space->pid,
                          .image = space->image};
    model_live_event(r->model, &event);
}

/* A stack of an image that has a number, by its frames. */
struct call_stack {
    uint32_t id;
    uint32_t frames;
    uint64_t ip[];
};

static bool has_frames(const void *entry, const void *ip, size_t size)
{
    const struct call_stack *stack = entry;
    return stack->frames * sizeof *stack->ip == size && memcmp(stack->ip, ip, size) == 0;
}

static uint32_t number_of(struct recorder *r, const struct tracee *thread, const uint64_t *ip,
                          uint32_t frames)
{
    struct space *space = thread->process->space;
    const size_t size = frames * sizeof *ip;
    void **at = table_place(&space->stacks, ip, size, has_frames);
    struct call_stack *known = *at;
    if (known)
        return known->id;
    *at = known = memory_get(sizeof *known + size);
    known->id = (uint32_t)space->stacks.count;
    known->frames = frames;
    memcpy(known->ip, ip, size);
    struct pmt_stack *s = recorder_begin(r, (uint32_t)(sizeof *s + size), PMT_RECORD_STACK, 0,
                                         thread->tid, known->id);
    s->frames = frames;
    memcpy(s->ip, ip, size);
    recorder_send(r, space, 0);
    return known->id;
}

/* Fills in `ip`, of PMT_MAX_FRAMES; the number of frames. */
static uint32_t walk(const struct tracee *thread, const struct user_regs_struct *regs,
                     uint32_t most, uint64_t *ip)
{
    struct space *space = thread->process->space;
    struct walk_thread t = {.pid = thread->process->pid, .tid = thread->tid, .regs = *regs};
    t.is64 = space->word_size == 8;
    if (thread->allocator.call) {
        t.replaced_at = thread->allocator.sp;
        t.replaced = thread->allocator.return_to;
    }
    uint32_t frames = 1;
    ip[0] = regs->rip;
    if (most > 1 && !space->walk)
        space->walk = walk_new(t.pid);
    if (most > 1)
        frames = walk_stack(space->walk, &t, ip, most);
    return frames;
}

uint32_t recorder_stack(struct recorder *r, const struct tracee *thread,
                        const struct user_regs_struct *regs, uint32_t most)
{
    uint64_t ip[PMT_MAX_FRAMES];
    return number_of(r, thread, ip, walk(thread, regs, most, ip));
}

uint32_t recorder_stack_of_signal(struct recorder *r, const struct tracee *thread,
                                  const struct user_regs_struct *regs, bool is_code, uint32_t most)
{
    const unsigned word = thread->process->space->word_size;
    struct user_regs_struct caller = *regs;
    uint64_t ip[PMT_MAX_FRAMES];
    ip[0] = regs->rip + 1;
    if (is_code) {
        uint32_t frames = walk(thread, regs, most, ip);
        ip[0] = regs->rip + 1;
        return number_of(r, thread, ip, frames);
    }
    caller.rip = mem_read_word(thread->tid, regs->rsp, word);
    caller.rsp += word;
    uint32_t more = most > 1 && caller.rip ? walk(thread, &caller, most - 1, ip + 1) : 0;
    return number_of(r, thread, ip, 1 + more);
}

struct pmt_within recorder_within(const struct tracee *thread)
{
    unsigned call = thread->allocator.call;
    if (!call && thread->by_loader)
        call = PMT_CALL_LOADER;
    return (struct pmt_within){
        .call = (uint8_t)call, .size = thread->allocator.size, .by_loader = thread->by_loader};
}

void recorder_kernel(struct recorder *r, const struct tracee *thread, int64_t result)
{
    const struct mapcalls_call *call = &thread->call;
    struct pmt_kernel *k = recorder_begin(r, sizeof *k, PMT_RECORD_KERNEL, (uint8_t)call->call,
                                          thread->tid, thread->stack_id);
    memcpy(k->args, call->args, sizeof k->args);
    k->result = result;
    k->old_brk = call->effect == MAPCALLS_BRK ? thread->old_brk : 0;
    k->within = recorder_within(thread);
    recorder_send(r, thread->process->space, 0);
}

void recorder_exec(struct recorder *r, const struct tracee *thread, const char *path, int error)
{
    struct pmt_exec *x;
    size_t size = strlen(path);
    x = recorder_begin(r, (uint32_t)(sizeof *x + size), PMT_RECORD_EXEC, 0, thread->tid, 0);
    x->error = error;
    x->path_size = (uint32_t)size;
    memcpy(x + 1, path, size);
    recorder_send(r, thread->process->space, 0);
}

void recorder_thread(struct recorder *r, const struct tracee *thread, enum pmt_thread_event event,
                     uint64_t stack)
{
    struct pmt_thread *t = recorder_begin(r, sizeof *t, PMT_RECORD_THREAD, 0, thread->tid, 0);
    t->event = event;
    t->creator = event == PMT_THREAD_START ? (uint32_t)thread->creator : 0;
    t->stack = stack;
    recorder_send(r, thread->process->space, 0);
}

uint32_t recorder_fork(struct recorder *r, const struct tracee *thread, enum pmt_call call,
                       uint32_t stack_id)
{
    struct space *space = thread->process->space;
    struct pmt_fork *f =
        recorder_begin(r, sizeof *f, PMT_RECORD_FORK, (uint8_t)call, thread->tid, stack_id);
    f->fork_id = ++space->forks;
    recorder_send(r, space, 0);
    return f->fork_id;
}

void recorder_exit(struct recorder *r, const struct process *process, enum pmt_end end, int status)
{
    struct pmt_exit *x = recorder_begin(r, sizeof *x, PMT_RECORD_EXIT, 0, process->pid, 0);
    x->status = end == PMT_END_EXIT && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    x->signal = end == PMT_END_EXIT && WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0;
    x->end = end;
    recorder_send(r, process->space, 0);
}

void recorder_lost(struct recorder *r, const struct tracee *thread, enum pmt_loss reason)
{
    struct pmt_lost *lost =
        recorder_begin(r, sizeof *lost, PMT_RECORD_LOSS, (uint8_t)reason, thread->tid, 0);
    lost->count = 1;
    recorder_send(r, thread->process->space, 0);
}
