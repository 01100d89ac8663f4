#include "shim/kernel/fork.h"
#include "shim/base/own_map.h"
#include "shim/base/own_stack.h"
#include "shim/kernel/image.h"
#include "shim/looks/snapshot.h"
#include "shim/ring/emit.h"
#include "shim/stacks/libunwind_walk.h"
#include "shim/stacks/stack_id.h"
#include <sched.h>
#include <signal.h>

static uint32_t last_fork; /* of this image */

/* As ptrace(2) tells them apart: a clone whose end is told as that of a fork is one; libc's fork
 * is. */
static enum pmt_call name_of(const struct sys_regs *regs)
{
    bool plain = regs->nr == __NR_fork || (regs->args[0] & CSIGNAL) == SIGCHLD;
    return plain ? PMT_CALL_FORK : PMT_CALL_CLONE;
}

static uint32_t send_fork(const struct sys_regs *regs, uint32_t stack_id)
{
    struct emit e = emit_begin(sizeof(struct pmt_fork));
    struct pmt_fork *f = e.record;
    if (!f)
        return 0;
    emit_header(&e, PMT_RECORD_FORK, (uint8_t)name_of(regs), stack_id, ticks_now());
    f->fork_id = ++last_fork;
    f->pad = 0;
    emit_end(&e);
    return last_fork;
}

struct parent {
    uint32_t fork_id, pid;
};

static void begin(void *arg)
{
    const struct parent *of = arg;
    image_begin_child(of->fork_id, of->pid);
}

/* What the only thread of the child has inherited and is not so any more. */
static void begin_child(uint32_t fork_id, uint32_t parent)
{
    struct parent of = {fork_id, parent};
    thread.tid = 0;
    thread.loader_ran = 0;
    thread.loader.call = PMT_CALL_NONE;
    last_fork = 0;
    map_lock = own_map_lock = (struct lock){0};
    process.inside = 0;
    own_stack_run(begin, &of);
}

/* No other thread is between a change of the map and its snapshot meanwhile. */
long fork_traced(const struct sys_regs *regs)
{
    uint32_t stack_id = stack_id_of_change();
    bool held = libunwind_hold(), locked = lock_take(&map_lock);
    uint32_t fork_id = send_fork(regs, stack_id), parent = live->pid;
    long result = sys_call_regs(regs);
    libunwind_go_on(held, result == 0);
    if (result == 0)
        begin_child(fork_id, parent);
    else if (locked)
        lock_release(&map_lock);
    return result;
}

bool fork_found_out(void)
{
    uint64_t mask;
    if (!process.follow || process.forbidden || live->pid) /* 0: a child's, see struct live_page */
        return live->sink != SINK_NONE;
    sys_block_signals(&mask);
    libunwind_go_on(false, true);
    begin_child(0, 0);
    sys_restore_signals(&mask);
    return live->sink != SINK_NONE;
}
