/* What every interposed function does first and last. This is the path of every malloc: no call, no
 * loop, and on i386 few registers, so what is rare is out of line. */
#pragma once

#include "shim/base/state.h"
#include "shim/looks/attention.h"
#include "shim/start.h"

/* Whether events of this thread are recorded now. */
static inline bool hook_active(void)
{
    return likely(live->sink != SINK_NONE) || start_tracing();
}

/* Notes the call that this thread is in; for calls with nothing around them and nothing to attend
 * to, which end with thread.call.call = PMT_CALL_NONE. */
static inline __attribute__((always_inline)) void hook_mark(enum pmt_call call, uintptr_t size,
                                                            const struct call_frame *frame)
{
    thread.call.call = call;
    thread.call.named = false;
    thread.call.framed = true;
    thread.call.size = size;
    thread.call.frame = (uintptr_t)frame;
    thread.call.caller = frame->caller;
    thread.call.stack_id = 0;
}

/* Marks the interposed call that this thread is in from here to hook_leave(). `outer` keeps the one
 * around it. */
static inline void hook_enter(struct call *outer, enum pmt_call call, uintptr_t size,
                              const struct call_frame *frame)
{
    uintptr_t sp = (uintptr_t)outer; /* near enough */
    if (unlikely(attention_is_due(sp)) && !state_loader_owns(frame->caller) && !thread.busy)
        attention_pay(frame->caller);
    outer->call = PMT_CALL_NONE;
    if (unlikely(thread.call.call != PMT_CALL_NONE) && thread.call.frame >= sp)
        *outer = thread.call;
    hook_mark(call, size, frame);
}

static inline void hook_leave(const struct call *outer)
{
    if (unlikely(outer->call != PMT_CALL_NONE))
        thread.call = *outer;
    else
        thread.call.call = PMT_CALL_NONE;
}

/* After a call that changes the map or may do so, inside of it. */
static inline void hook_look(uintptr_t caller)
{
    if (unlikely(!process.sees_kernel) && live->sink != SINK_NONE)
        attention_after_call(caller);
}

/* All of this for a call of which no more than the name is noted; false: not even that. What it
 * returns is for hook_end(). */
static inline bool hook_begin(struct call *outer, enum pmt_call call, uintptr_t size,
                              const struct call_frame *frame)
{
    if (!hook_active() || thread.busy)
        return false;
    hook_enter(outer, call, size, frame);
    return true;
}

static inline void hook_end(bool noted, const struct call *outer, uintptr_t caller)
{
    if (!noted)
        return;
    hook_look(caller);
    hook_leave(outer);
}

/* For the interposed function itself only: it makes the compiler keep a frame pointer there. */
#define HOOK_FRAME() ((const struct call_frame *)__builtin_frame_address(0))
#define HOOK_CALLER() ((uintptr_t)__builtin_return_address(0))
#define HOOK __attribute__((visibility("default")))
