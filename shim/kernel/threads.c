#include "shim/kernel/threads.h"
#include "shim/base/sys.h"
#include "shim/kernel/fork.h"
#include "shim/kernel/signal_stacks.h"
#include "shim/ring/emit.h"

/* A thread that was created and has not begun yet. As many as there may be at once; further ones
 * begin without being announced. */
#define BEGINNINGS 256u

struct beginning {
    uint32_t taken;
    uint32_t creator;
    thread_function start;
    void *arg;
};

static struct beginning beginnings[BEGINNINGS];

static void send(enum pmt_thread_event event, uint32_t creator, uint64_t stack)
{
    struct emit e = emit_begin(sizeof(struct pmt_thread));
    struct pmt_thread *t = e.record;
    if (!t)
        return;
    emit_header(&e, PMT_RECORD_THREAD, 0, 0, ticks_now());
    t->event = event;
    t->creator = creator;
    t->stack = stack;
    emit_end(&e);
}

/* Ends in a jump: the thread's stack has no frame of the shim. */
static void *begin(void *arg)
{
    struct beginning *slot = arg, b = *slot;
    __atomic_store_n(&slot->taken, 0, __ATOMIC_RELEASE);
    if (live->sink != SINK_NONE || fork_found_out()) {
        uint64_t mask;
        sys_block_signals(&mask);
        signal_stacks_give();
        send(PMT_THREAD_START, b.creator, (uintptr_t)__builtin_frame_address(0));
        sys_restore_signals(&mask);
    }
    return b.start(b.arg);
}

thread_function threads_announce(thread_function start, void **arg)
{
    for (unsigned i = 0; i < BEGINNINGS; i++) {
        struct beginning *b = &beginnings[i];
        if (__atomic_exchange_n(&b->taken, 1, __ATOMIC_ACQUIRE))
            continue;
        b->creator = state_tid();
        b->start = start;
        b->arg = *arg;
        *arg = b;
        return begin;
    }
    return start;
}

void threads_take_back(void *arg)
{
    struct beginning *b = arg;
    if (b >= beginnings && b < beginnings + BEGINNINGS)
        __atomic_store_n(&b->taken, 0, __ATOMIC_RELEASE);
}

void threads_exit(void)
{
    if (live->sink == SINK_NONE || (uint32_t)sys0(__NR_getpid) != live->pid)
        return;
    uint64_t mask;
    sys_block_signals(&mask); /* for good: this thread runs no more handlers */
    send(PMT_THREAD_END, 0, 0);
    signal_stacks_take_back();
}
