/* What every interposed function does first and last. */
#ifndef PMT_HOOK_H
#define PMT_HOOK_H

#include "process.h"
#include "snapshot.h"
#include "state.h"

/* Whether events of this thread are recorded now. */
static inline bool hook_active(void)
{
    return likely(live->sink != SINK_NONE) || process_start();
}

/* Marks the interposed call that this thread is in from here to hook_leave(). `outer` keeps the one
 * around it. */
static inline void hook_enter(struct call *outer, enum pmt_call call, uint64_t size, uintptr_t caller)
{
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    bool in_loader = process_loader_owns(caller);
    if (unlikely((live->attention || sp < thread.stack_low) && !in_loader && !thread.busy))
        snapshot_pay_attention(caller);
    outer->call = PMT_CALL_NONE;
    if (unlikely(thread.call.call != PMT_CALL_NONE) && thread.call.frame >= sp)
        *outer = thread.call;
    thread.call = (struct call){.call = (uint8_t)call, .size = size, .frame = sp, .caller = caller};
}

static inline void hook_leave(const struct call *outer)
{
    if (unlikely(outer->call != PMT_CALL_NONE))
        thread.call = *outer;
    else
        thread.call.call = PMT_CALL_NONE;
}

/* The text that goes with the call just entered: a library, a command. */
void hook_name(const char *name);

#define HOOK_CALLER() ((uintptr_t)__builtin_return_address(0))
#define HOOK __attribute__((visibility("default")))

#endif
