#include "shim/kernel/forbids.h"
#include "shim/kernel/dispositions.h"
#include "shim/looks/attention.h"
#include "shim/ring/emit.h"
#include "shim/ring/output.h"
#include "shim/stacks/stack_id.h"
#include <linux/seccomp.h>
#include <sys/prctl.h>

#define WAIT_STEP_MS 1
#define WAIT_STEPS 2000

/* Without a filter it only asks whether the kernel knows them. */
enum pmt_forbidden forbids_what(const struct sys_regs *regs)
{
    const unsigned long *a = regs->args;
    if (regs->nr == __NR_seccomp && a[0] == SECCOMP_SET_MODE_STRICT)
        return PMT_FORBIDDEN_STRICT;
    if (regs->nr == __NR_seccomp)
        return a[0] == SECCOMP_SET_MODE_FILTER && a[2] ? PMT_FORBIDDEN_FILTER : PMT_FORBIDDEN_NONE;
    if (regs->nr != __NR_prctl)
        return PMT_FORBIDDEN_NONE;
    if (a[0] == PR_SET_SECCOMP && a[1] == SECCOMP_MODE_STRICT)
        return PMT_FORBIDDEN_STRICT;
    if (a[0] == PR_SET_SECCOMP && a[1] == SECCOMP_MODE_FILTER && a[2])
        return PMT_FORBIDDEN_FILTER;
    return a[0] == PR_SET_TSC && a[1] == PR_TSC_SIGSEGV ? PMT_FORBIDDEN_TSC : PMT_FORBIDDEN_NONE;
}

/* seccomp(2) gives a descriptor if asked for one, or the thread that could not be given a filter.
 */
static bool succeeds(const struct sys_regs *regs, long result)
{
    bool gives_fd = regs->nr == __NR_seccomp && regs->args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER;
    return result == 0 || (gives_fd && result > 0);
}

static void send(enum pmt_forbidden what, uint64_t time, uint32_t stack_id)
{
    struct emit e = emit_begin(sizeof(struct pmt_forbids));
    if (!e.record)
        return;
    emit_header(&e, PMT_RECORD_FORBIDDEN, (uint8_t)what, stack_id, time);
    emit_end(&e);
}

static void end(void)
{
    live->sink = SINK_NONE;
    state_update();
}

/* Until no other thread is where system calls are made; not for ever. */
static void wait_for_others(void)
{
    const uint32_t never = 0;
    for (int step = 0; step < WAIT_STEPS; step++) {
        if (!__atomic_load_n(&process.inside, __ATOMIC_SEQ_CST))
            return;
        sys_futex_wait((uint32_t *)&never, never, WAIT_STEP_MS);
    }
}

/* Afterwards no system call is made. If it fails, what others did meanwhile is looked for. */
static long call(const struct sys_regs *regs, enum pmt_forbidden what, uint32_t stack_id)
{
    uint64_t time = ticks_now();
    __atomic_store_n(&process.forbidden, what, __ATOMIC_SEQ_CST);
    wait_for_others();
    long result = sys_call_regs(regs);
    if (succeeds(regs, result)) {
        send(what, time, stack_id);
        end();
    } else {
        __atomic_store_n(&process.forbidden, PMT_FORBIDDEN_NONE, __ATOMIC_RELEASE);
        state_attend(ATTENTION_RETRY);
    }
    return result;
}

/* A file of JSON cannot be written without system calls. */
static void close_output(enum pmt_forbidden what, uint32_t stack_id)
{
    send(what, ticks_now(), stack_id);
    output_close();
    end();
}

long forbids_call(const struct sys_regs *regs, enum pmt_forbidden what)
{
    uint64_t mask;
    dispositions_give_up(); /* their handlers make system calls */
    sys_block_signals(&mask);
    uint32_t stack_id = stack_id_of_change();
    attention_last_look(PMT_REASON_FORBIDS, stack_id);
    if (live->sink == SINK_OUTPUT)
        close_output(what, stack_id);
    sys_restore_signals(&mask);
    return live->sink == SINK_NONE ? sys_call_regs(regs) : call(regs, what, stack_id);
}
