/* The kinds of regions, in the words of the lab and of proc(5), as in tests/labs/README.md. */
#pragma once

#define KINDS(X)                                                                                   \
    X(CODE, "code")                 /* instructions of the program, r-x, from its file */          \
    X(RODATA, "rodata")             /* its constants and headers, r--, from its file */            \
    X(DATA, "data")                 /* its initialised variables, rw-, from its file */            \
    X(BSS, "bss")                   /* its uninitialised variables, rw-, no file */                \
    X(HEAP, "heap")                 /* [heap]: grows and shrinks by brk */                         \
    X(STACK, "stack")               /* [stack]: grows by page faults */                            \
    X(THREAD_STACK, "thread_stack") /* mapped for a thread, or for a child until it executes */    \
    X(GUARD, "guard")               /* no permissions: catches an overflow of the stack above */   \
    X(LIB_CODE, "lib_code")         /* likewise, of a shared library or of ld.so */                \
    X(LIB_RODATA, "lib_rodata")                                                                    \
    X(LIB_DATA, "lib_data")                                                                        \
    X(LIB_BSS, "lib_bss")                                                                          \
    X(VDSO, "vdso")                   /* [vdso]: the kernel's code for system calls */             \
    X(VVAR, "vvar")                   /* [vvar]: the kernel's data for it */                       \
    X(MAPPED_FILE, "mapped_file")     /* any other file */                                         \
    X(SHARED_MEMORY, "shared_memory") /* shared without a file: shm_open, SysV, MAP_ANONYMOUS */   \
    X(MALLOC_MMAP, "malloc_mmap")     /* one large block of malloc */                              \
    X(MALLOC_ARENA, "malloc_arena")   /* the heap of further threads */                            \
    X(ANONYMOUS, "anonymous")         /* any other memory without a file */                        \
    X(TRACER, "tracer")               /* of procmap-trace itself */

#define KIND_ENUM(name, text) KIND_##name,
enum kind { KINDS(KIND_ENUM) KIND_COUNT };

const char *kind_name(enum kind kind);
