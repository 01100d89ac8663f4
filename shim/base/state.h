/* What the shim knows about the process and the thread it is in. */
#pragma once

#include "schemas/look.h"
#include <stdbool.h>
#include <stddef.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define HIDDEN __attribute__((visibility("hidden"))) /* not through the global offset table */

enum sink {
    SINK_NONE, /* not tracing; must be 0, see struct live_page */
    SINK_RING,
    SINK_OUTPUT,
    SINK_STUCK, /* the ring stayed full: events are dropped and counted until the runner goes on */
};

enum attention {
    ATTENTION_LOADER = 1, /* ld.so may have changed the map: look at all of it */
    ATTENTION_RETRY = 2,  /* a snapshot failed (no descriptor left, for example) */
};

/* Lives on a page of its own with MADV_WIPEONFORK: in the child of any kind of fork it reads zero,
 * and so the child is not traced. A vfork child shares the memory and sees it unchanged. */
struct live_page {
    uint32_t sink; /* enum sink */
    uint32_t fast; /* 1: nothing calls for more than a compact record, see state_update() */
    uint32_t clock;
    uint32_t attention; /* enum attention, any thread may set bits */
    uint32_t
        loaders; /* threads that ld.so has worked in, and that were not seen outside of it since */
    const char *alone; /* glibc's __libc_single_threaded, or a zero where there is none */
    uint32_t copied;   /* times of allocator calls that were not read from the clock */
    uint32_t *lost;    /* events, by enum pmt_loss: of the ring or of the output */
    struct pmt_ring *ring;
    unsigned char *data;
    uint32_t mask;
    uint32_t cookie;
    uint32_t limit; /* position up to which there was room at the last look at ring->tail */
    uint32_t pid;
    uint32_t page_size;
    uint32_t unmapped; /* counts what makes memory unreadable */
};
extern struct live_page *live HIDDEN;
extern const char state_never_alone; /* for live->alone */

/* What stays the same as long as the process lives. */
struct state_process {
    struct look_stack stack;           /* the main thread's */
    uintptr_t own_low, own_high;       /* the shim */
    uintptr_t loader_low, loader_high; /* ld.so */
    bool glibc_malloc;                 /* the allocator is glibc's: chunk headers can be read */
    bool sees_kernel;                  /* libc's system calls are hooked */
    bool sees_signals;                 /* so are those that set what signals do */
    bool sees_loader;                  /* ld.so's, too */
    bool follow;                       /* children are traced, too */
    enum pmt_forbidden forbidden;      /* by the program: no system call of ours any more */
    uint32_t inside;                   /* threads that make some, see state_enter() */
};
extern struct state_process process HIDDEN;

static inline void state_leave(void)
{
    __atomic_fetch_sub(&process.inside, 1, __ATOMIC_RELEASE);
}

/* Around what makes system calls of the shim's own on behalf of others than the program. False: it
 * must not. Whoever forbids them for all threads waits until nobody is inside. */
static inline bool state_enter(void)
{
    __atomic_fetch_add(&process.inside, 1, __ATOMIC_SEQ_CST);
    if (likely(!__atomic_load_n(&process.forbidden, __ATOMIC_SEQ_CST)))
        return true;
    state_leave();
    return false;
}

static inline bool state_owns_code(uintptr_t address)
{
    return address - process.own_low < process.own_high - process.own_low;
}

static inline bool state_loader_owns(uintptr_t address)
{
    return address - process.loader_low < process.loader_high - process.loader_low;
}

/* What every interposed function finds at its frame pointer (it is compiled with one). */
struct call_frame {
    uintptr_t fp;     /* of the caller */
    uintptr_t caller; /* return address; behind it, the caller's stack pointer points */
};

struct stack_bounds {
    uintptr_t low, high;
};

/* The interposed call that a thread is in; copied by value, since a longjmp out of a signal handler
 * may leave one behind. Trusted only while `frame` lies above the stack pointer. */
struct call {
    uint16_t call; /* enum pmt_call, 0: none */
    bool named;    /* struct state_thread.name belongs to it */
    bool framed;   /* `frame` is a struct call_frame */
    uintptr_t size;
    uintptr_t frame;   /* of the interposed function */
    uintptr_t caller;  /* return address into the program */
    uint32_t stack_id; /* 0: not walked yet */
};

struct state_thread {
    uint32_t tid;
    uint32_t busy;       /* > 0: inside the tracer's own use of libraries; signals are held back */
    uintptr_t stack_low; /* main thread: the lowest known address of the stack; others: 0 */
    uintptr_t other_low, other_high; /* a signal stack below it, so as not to ask again and again */
    struct stack_bounds own_stack, other_stack; /* as unwind.c last found them; 0: not yet */
    uint32_t other_since;                       /* live->unmapped when it did */
    struct call call;
    uint32_t loader_ran; /* this thread is one of live->loaders */
    bool by_loader;      /* ld.so has made the system call that it is in */
    struct call loader;  /* the dlopen or dlclose that it is in, or whose effect on the map was not
                          * looked at yet */
    uintptr_t
        left_at; /* the stack pointer on the program's stack; 0: it is there, see own_stack.h */
    uint8_t name_size;
    char name[255];
};
extern __thread struct state_thread thread __attribute__((tls_model("initial-exec")));

/* The call for records: pmt_within, and its name (`within->name_size` bytes) in thread.name. The
 * second: the call that a look at the map after ld.so's work belongs to. */
void state_within(struct pmt_within *within);
void state_within_loader(struct pmt_within *within);

/* The text that goes with thread.call: a library, a command. */
void state_name_call(const char *name);

/* The call that the thread is in, if it is still on the stack. */
static inline bool state_in_call(void)
{
    uintptr_t sp = thread.left_at ? thread.left_at : (uintptr_t)__builtin_frame_address(0);
    return thread.call.call && thread.call.frame >= sp;
}

/* Whether thread.loader is under way: nobody says when one is over that the shim has only jumped
 * to. */
bool state_in_dlopen(void);

/* The call that ld.so works for, NULL: none that is known. */
const struct call *state_call_of_loader(void);

/* Whether this thread is inside ld.so, as far as can be seen: its lock may be held. */
static inline bool state_in_loader(void)
{
    return (thread.loader.call && state_in_dlopen()) ||
           (state_in_call() && state_loader_owns(thread.call.caller));
}

/* Sets live->fast; to be called after a change of `sink` or `attention`. */
void state_update(void);
void state_attend(enum attention attention); /* sets a bit of live->attention */

static inline void state_lost(enum pmt_loss reason)
{
    if (live->lost)
        __atomic_fetch_add(&live->lost[reason], 1, __ATOMIC_RELAXED);
}

uint32_t state_ask_tid(void);

static inline uint32_t state_tid(void)
{
    return likely(thread.tid) ? thread.tid : state_ask_tid();
}
