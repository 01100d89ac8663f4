/* What the ptrace source knows of the programs that it holds: threads, their processes, and the
 * address spaces that these have. */
#pragma once

#include "runner/base/table.h"
#include "runner/ptrace/breakpoints.h"
#include "runner/ptrace/syscalls.h"
#include "runner/ptrace/walk.h"
#include "schemas/look.h"
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* An address space. A child of vfork(2) has that of its parent. */
struct space {
    unsigned processes; /* that have it */
    uint32_t image;     /* number of the image; 0: it is not recorded */
    uint32_t pid;       /* of the process record */
    int maps_fd;        /* /proc/PID/maps, -1: none */
    bool query;         /* by PROCMAP_QUERY */
    unsigned word_size; /* 4 or 8 */
    uint64_t page_size;
    uint64_t brk; /* as far as it is known */
    struct look_stack stack;
    uint32_t forks; /* fork_id of the last fork record */
    /* Who is between the beginning of a call that changes the map and the look at its result: other
     * threads wait with theirs, so that the order of the records is the order in the kernel. */
    struct tracee *holder;
    unsigned waiting; /* threads that do */
    struct breakpoints breakpoints;
    uint64_t loader_low, loader_high; /* glibc's ld.so; equal: there is none */
    bool expects_libc;                /* which has an allocator, and may be mapped later */
    struct table stacks;              /* that have a number: of struct call_stack */
    struct walk *walk;                /* NULL: not needed yet */
};

/* What a process does at SIGTRAP: the argument of rt_sigaction(2), as its ABI has it
 * (sigtrap.h). */
struct sigtrap_action {
    uint8_t bytes[32];
};

struct process {
    pid_t pid, ppid;
    struct space *space;
    unsigned threads; /* that are not about to end */
    bool recorded;    /* its events are wanted (if its space is recorded) */
    bool borrowed;    /* the space is its parent's, until it executes another program */
    bool unclean;     /* its memory is a copy with breakpoints of where.h in it */
    bool awaited;     /* nothing of it is recorded before its first execve */
    uint32_t fork_id; /* of its parent's fork record, until its own process record */
    struct sigtrap_action sigtrap;
    struct process *next;
};

/* An allocator call that a thread is in. */
struct allocator_call {
    enum pmt_call call; /* PMT_CALL_NONE: none */
    uint64_t size, old_addr, alignment, result_at;
    uint64_t began, began_ns;
    uint64_t sp;        /* at its entry: there is the address to return to ... */
    uint64_t return_to; /* ... really */
    uint32_t stack_id;
};

/* The flag CLONE_UNTRACED of a call that the thread is in (untraced.h). */
struct untraced {
    bool taken;
    bool by_i386;      /* the call */
    uint64_t flags_at; /* where the flag was; 0: in a register */
};

struct sigtrap {
    enum syscalls_signals call; /* that it is in */
    uint64_t action_at;         /* its argument */
    uint64_t mask;              /* that was set at last; a handler may add to it */
    siginfo_t held;             /* of a SIGTRAP that waits */
};

#define TRACEES_OUTER_CALLS 3 /* handlers of signals, of those and so on */

/* A thread, as ptrace(2) calls it. */
struct tracee {
    pid_t tid;
    struct process *process; /* NULL: its creator's event has not come yet */
    pid_t creator;
    bool welcome; /* its first stop is done with */
    bool stopped; /* waits for us to let it go on */
    bool held;    /* likewise, for the holder of its space */
    uint64_t held_since;
    int noted;      /* the status of its last stop, as waitpid(2) gave it */
    bool leaving;   /* its PTRACE_EVENT_EXIT has come */
    bool listens;   /* in a group stop */
    bool in_call;   /* in a system call that is recorded */
    bool by_loader; /* which code of ld.so has made */
    struct mapcalls_call call;
    uint64_t old_brk, detached_end;
    uint32_t stack_id;
    uint64_t path_at;
    struct untraced untraced;
    struct sigtrap sigtrap;
    struct allocator_call allocator; /* and those that it has interrupted, on another stack: */
    struct allocator_call outer[TRACEES_OUTER_CALLS];
    struct tracee *next;
};

#define TRACEES_BUCKETS 1024

struct tracees {
    struct tracee *threads[TRACEES_BUCKETS];
    struct process *processes;
    unsigned thread_count;
};

struct tracee *tracees_find(struct tracees *t, pid_t tid);
struct tracee *tracees_add(struct tracees *t, pid_t tid);
void tracees_remove(struct tracees *t, struct tracee *thread);

struct process *tracees_process(struct tracees *t, pid_t pid);
struct process *tracees_add_process(struct tracees *t, pid_t pid, pid_t ppid);
void tracees_remove_process(struct tracees *t, struct process *process);
void tracees_free(struct tracees *t);

/* Gives a thread to a process. */
void tracees_join(struct tracee *thread, struct process *process);

/* Calls visit(arg, thread) for each; it may remove threads. */
void tracees_each(struct tracees *t, void (*visit)(void *arg, struct tracee *thread), void *arg);

/* The thread that has waited longest for the space; NULL if none does. */
struct tracee *tracees_next_held(struct tracees *t, const struct space *space);

struct space *tracees_new_space(void);

/* Instead of the one that it has; NULL: none. */
void tracees_use_space(struct process *process, struct space *space);
