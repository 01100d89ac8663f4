/* The names of everything that a record can talk about, each list in one place: the enum, the JSON
 * spelling and the decoder are generated from it. Numbers are part of the wire format: append
 * only. */
#pragma once

#include <stdbool.h>

/* Calls of the program (malloc(3), mmap(2), dlopen(3) ...) and of the kernel share one enumeration:
 * `mmap` is the libc function in a `within`, the system call in a kernel record. */
#define PMT_CALLS(X)                                                                               \
    X(NONE, "none")                                                                                \
    /* the allocator: alloc records */                                                             \
    X(MALLOC, "malloc")                                                                            \
    X(CALLOC, "calloc")                                                                            \
    X(REALLOC, "realloc")                                                                          \
    X(REALLOCARRAY, "reallocarray")                                                                \
    X(FREE, "free")                                                                                \
    X(MEMALIGN, "memalign")                                                                        \
    X(ALIGNED_ALLOC, "aligned_alloc")                                                              \
    X(POSIX_MEMALIGN, "posix_memalign")                                                            \
    X(VALLOC, "valloc")                                                                            \
    X(PVALLOC, "pvalloc")                                                                          \
    /* libc functions that only appear as the cause of a kernel call */                            \
    X(SBRK, "sbrk")                                                                                \
    X(DLOPEN, "dlopen")                                                                            \
    X(DLMOPEN, "dlmopen")                                                                          \
    X(DLCLOSE, "dlclose")                                                                          \
    X(PTHREAD_CREATE, "pthread_create")                                                            \
    X(SYSTEM, "system")                                                                            \
    X(POPEN, "popen")                                                                              \
    X(POSIX_SPAWN, "posix_spawn")                                                                  \
    X(POSIX_SPAWNP, "posix_spawnp")                                                                \
    /* both libc functions and system calls */                                                     \
    X(BRK, "brk")                                                                                  \
    X(MMAP, "mmap")                                                                                \
    X(MUNMAP, "munmap")                                                                            \
    X(MREMAP, "mremap")                                                                            \
    X(MPROTECT, "mprotect")                                                                        \
    /* system calls */                                                                             \
    X(MMAP2, "mmap2")                                                                              \
    X(MADVISE, "madvise")                                                                          \
    X(MLOCK, "mlock")                                                                              \
    X(MUNLOCK, "munlock")                                                                          \
    X(MLOCKALL, "mlockall")                                                                        \
    X(MUNLOCKALL, "munlockall")                                                                    \
    X(MLOCK2, "mlock2")                                                                            \
    X(REMAP_FILE_PAGES, "remap_file_pages")                                                        \
    X(SHMAT, "shmat")                                                                              \
    X(SHMDT, "shmdt")                                                                              \
    X(PKEY_MPROTECT, "pkey_mprotect")                                                              \
    X(PRCTL, "prctl")                                                                              \
    X(MALLOPT, "mallopt")                                                                          \
    /* no call at all: the dynamic loader working by itself (NSS, iconv, lazy loads) */            \
    X(LOADER, "ld.so")                                                                             \
    /* what makes a process: fork records */                                                       \
    X(FORK, "fork")                                                                                \
    X(VFORK, "vfork")                                                                              \
    X(CLONE, "clone")                                                                              \
    /* more system calls */                                                                        \
    X(MBIND, "mbind")                                                                              \
    X(MSEAL, "mseal")                                                                              \
    X(IO_SETUP, "io_setup")                                                                        \
    X(IO_DESTROY, "io_destroy")                                                                    \
    X(PROCESS_MADVISE, "process_madvise")                                                          \
    X(SET_MEMPOLICY_HOME_NODE, "set_mempolicy_home_node")

/* Why a snapshot was taken. */
#define PMT_REASONS(X)                                                                             \
    X(NONE, "none")                                                                                \
    X(START, "start")     /* first look at the process: the whole map */                           \
    X(KERNEL, "kernel")   /* follows the kernel record before it */                                \
    X(STACK, "stack")     /* the stack pointer lies below the stack as last seen */                \
    X(LOADER, "loader")   /* the dynamic loader ran: dlopen, dlclose, NSS, iconv */                \
    X(TRACER, "tracer")   /* procmap-trace itself mapped something */                              \
    X(RETRY, "retry")     /* an earlier snapshot could not be taken */                             \
    X(EXEC, "exec")       /* before execve(2) */                                                   \
    X(EXIT, "exit")       /* before exit_group(2) */                                               \
    X(CALL, "call")       /* after a call, where the system calls in it cannot be seen */          \
    X(FORBIDS, "forbids") /* before the program forbids what a look needs */

/* Why events were lost. */
#define PMT_LOSSES(X)                                                                              \
    X(NONE, "none")                                                                                \
    X(RUNNER_GONE, "runner gone")   /* the ring is full and nobody empties it */                   \
    X(RUNNER_STUCK, "runner stuck") /* ... or not within the time a producer may wait */           \
    X(TORN, "torn record")          /* a thread ended between reserving and committing */          \
    X(CORRUPT, "corrupt record")    /* the ring does not hold what the shim writes there */        \
    X(STACK_TABLE_FULL, "stack table full") /* more distinct stacks than the shim can remember */  \
    X(OUTPUT, "output")                     /* PROCMAP_TRACE_OUTPUT could not be written */        \
    X(REENTRY, "reentry")                   /* a signal handler ran inside the JSON writer */      \
    X(SNAPSHOT, "snapshot")                 /* /proc/self/maps could not be read */                \
    X(LOCK, "map lock")                     /* the holder of the map lock vanished */

/* Why a process is not followed that is a child of one that is. */
#define PMT_UNFOLLOWED(X)                                                                          \
    X(NONE, "none")                                                                                \
    X(UNREACHABLE, "unreachable") /* it cannot reach the runner: another user, another network */  \
    X(PROGRAM, "program")         /* it executes one that cannot load the shim */                  \
    X(ENVIRONMENT, "environment") /* there is no room for the shim's settings in it */

/* What the program forbids to itself, and so to the shim in it. */
#define PMT_FORBIDDEN(X)                                                                           \
    X(NONE, "none")                                                                                \
    X(FILTER, "filter") /* seccomp(2): system calls that its filter does not let pass */           \
    X(STRICT, "strict") /* seccomp(2): all but read, write, exit and sigreturn */                  \
    X(TSC, "tsc")       /* PR_SET_TSC: to read the processor's clock */

/* The signals that end a process and of which it tells, with their numbers (signal(7), x86). */
#define PMT_FATAL_SIGNALS(X)                                                                       \
    X(4, "SIGILL")                                                                                 \
    X(6, "SIGABRT")                                                                                \
    X(7, "SIGBUS")                                                                                 \
    X(8, "SIGFPE")                                                                                 \
    X(11, "SIGSEGV")

#define PMT_ENUM_UNFOLLOWED(name, text) PMT_UNFOLLOWED_##name,
#define PMT_ENUM_FORBIDDEN(name, text) PMT_FORBIDDEN_##name,
#define PMT_ENUM_CALL(name, text) PMT_CALL_##name,
#define PMT_ENUM_REASON(name, text) PMT_REASON_##name,
#define PMT_ENUM_LOSS(name, text) PMT_LOSS_##name,

enum pmt_call { PMT_CALLS(PMT_ENUM_CALL) PMT_CALL_COUNT };
enum pmt_reason { PMT_REASONS(PMT_ENUM_REASON) PMT_REASON_COUNT };
enum pmt_unfollowed_reason { PMT_UNFOLLOWED(PMT_ENUM_UNFOLLOWED) PMT_UNFOLLOWED_COUNT };
enum pmt_forbidden { PMT_FORBIDDEN(PMT_ENUM_FORBIDDEN) PMT_FORBIDDEN_COUNT };
enum pmt_loss { PMT_LOSSES(PMT_ENUM_LOSS) PMT_LOSS_COUNT };

/* Whether it is one of the allocator's calls, free(3) included. */
static inline bool call_allocates(unsigned call)
{
    return call >= PMT_CALL_MALLOC && call <= PMT_CALL_PVALLOC;
}

/* Whether it is one of the system calls that change the map: kernel records. */
static inline bool call_is_of_kernel(unsigned call)
{
    return (call >= PMT_CALL_BRK && call <= PMT_CALL_PRCTL) ||
           (call >= PMT_CALL_MBIND && call <= PMT_CALL_SET_MEMPOLICY_HOME_NODE);
}

static inline bool call_is_fatal_signal(unsigned number)
{
#define PMT_FATAL_CASE(is, text) case is:
    switch (number) {
        PMT_FATAL_SIGNALS(PMT_FATAL_CASE)
        return true;
    }
    return false;
}
