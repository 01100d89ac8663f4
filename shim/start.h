/* The start of tracing in a process, and what stays the same as long as it lives. */
#ifndef PMT_PROCESS_H
#define PMT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct process {
    uint64_t stack_end;                /* an address in the main thread's stack */
    uint64_t stack_low;                /* start of the stack's region as last seen */
    uint64_t stack_high;               /* its end, which stays */
    uintptr_t own_low, own_high;       /* the shim */
    uintptr_t loader_low, loader_high; /* ld.so */
    bool glibc_malloc;                 /* the allocator is glibc's: chunk headers can be read */
    bool sees_kernel;                  /* libc's system calls are hooked */
    bool follow;                       /* children are traced, too */
};
extern struct process process;

/* Called first by every interposed function when live->sink is SINK_NONE: the first call of all
 * starts the tracing, whenever it comes (other libraries' constructors run before ours). Returns
 * whether the process is traced. */
bool process_start(void);

/* In a fork child: asks the runner for a ring of its own. `fork_id`: of the parent's fork record, 0
 * if that was not seen. Signals must be blocked. */
void process_begin_child(uint32_t fork_id, uint32_t parent);

static inline bool process_owns_code(uintptr_t address)
{
    return address - process.own_low < process.own_high - process.own_low;
}

static inline bool process_loader_owns(uintptr_t address)
{
    return address - process.loader_low < process.loader_high - process.loader_low;
}

#endif
