/* Why something is as it is: a code, with what it speaks of. No sentence: the views make these
 * (runner/views/sentences.h). schemas/reasons.md says what must hold for each code; who decides is
 * the model, and tests/e2e/reasons.py derives it again from the raw events. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What reasons speak of: X(NAME, "name in JSON", what it is) */
#define REASON_ARGS(X)                                                                             \
    X(SIZE, "size", BYTES)                     /* that the program asked for */                    \
    X(THRESHOLD, "threshold", BYTES)           /* the mmap threshold at that time */               \
    X(TRIM_THRESHOLD, "trim_threshold", BYTES) /* likewise */                                      \
    X(RESERVED, "reserved", BYTES)             /* address space that malloc keeps for a heap */    \
    X(SPARE, "spare", ROOM)                    /* more than the block needs */                     \
    X(LEFT, "left", ROOM)                      /* free behind it, up to the end of the heap */     \
    X(WAS, "was", BYTES)                       /* size of the block that was there before */       \
    X(FREED_NS, "freed_ns", TIME)              /* when that one was freed */                       \
    X(COPIED, "copied", BYTES)                 /* from the old block */                            \
    X(MOST, "most", BYTES)                     /* that a block can have: PTRDIFF_MAX */            \
    X(HOLE, "hole", ROOM)                      /* the largest one in the address space */          \
    X(USED, "used", BYTES)                     /* of the stack, by calls of one place */           \
    X(LIMIT, "limit", BYTES)                   /* RLIMIT_STACK */

#define REASON_ARGS_MAX 4

/* X(NAME, "name in JSON", arguments) */
#define REASONS(X)                                                                                 \
    X(NONE, "none", 0)                                                                             \
    /* glibc's malloc and the heap: malloc/malloc.c, sysmalloc(), systrim() */                     \
    X(HEAP_FIRST, "heap_first", A(SPARE))                                                          \
    X(HEAP_FIRST_BARE, "heap_first_bare", 0)                                                       \
    X(HEAP_GROWN, "heap_grown", 0)                                                                 \
    X(HEAP_ALIGNED, "heap_aligned", 0)                                                             \
    X(HEAP_BY_MMAP, "heap_by_mmap", 0)                                                             \
    X(HEAP_TRIMMED, "heap_trimmed", A(TRIM_THRESHOLD))                                             \
    /* ... and blocks with pages of their own: sysmalloc_mmap(), munmap_chunk(), mremap_chunk() */ \
    X(MMAP_THRESHOLD, "mmap_threshold", A(SIZE), A(THRESHOLD))                                     \
    X(BLOCK_UNMAPPED, "block_unmapped", 0)                                                         \
    X(BLOCK_RESIZED, "block_resized", 0)                                                           \
    X(BLOCK_MOVED, "block_moved", 0)                                                               \
    /* ... and arenas: malloc/arena.c, new_heap(), grow_heap(), heap_trim() */                     \
    X(ARENA_RESERVED, "arena_reserved", A(RESERVED))                                               \
    X(ARENA_CUT, "arena_cut", A(RESERVED))                                                         \
    X(ARENA_OPENED, "arena_opened", A(RESERVED))                                                   \
    X(ARENA_GROWN, "arena_grown", 0)                                                               \
    X(ARENA_SHRUNK, "arena_shrunk", 0)                                                             \
    X(ARENA_REMOVED, "arena_removed", 0)                                                           \
    /* blocks: why an allocator call gave just this one, or none; what became of the old one */    \
    X(BLOCK_AT_TOP, "block_at_top", A(LEFT))                                                       \
    X(BLOCK_REUSES, "block_reuses", A(WAS), A(FREED_NS))                                           \
    X(BLOCK_IN_HEAP, "block_in_heap", 0)                                                           \
    X(BLOCK_IN_ARENA, "block_in_arena", 0)                                                         \
    X(BLOCK_IN_MAPPED, "block_in_mapped", 0)                                                       \
    X(BLOCK_FITS, "block_fits", A(THRESHOLD))                                                      \
    X(BLOCK_HAS_ROOM, "block_has_room", 0)                                                         \
    X(BLOCK_GROWN, "block_grown", 0)                                                               \
    X(BLOCK_CUT, "block_cut", 0)                                                                   \
    X(BLOCK_COPIED, "block_copied", A(COPIED))                                                     \
    X(BLOCK_BACK, "block_back", 0)                                                                 \
    X(TOO_LARGE, "too_large", A(MOST))                                                             \
    X(NO_HOLE, "no_hole", A(HOLE))                                                                 \
    X(REFUSED, "refused", A(HOLE))                                                                 \
    /* sysdeps/posix/libc_fatal.c, __libc_message() */                                             \
    X(ABORT_MESSAGE, "abort_message", 0)                                                           \
    /* no more is known of what an allocator did */                                                \
    X(MALLOC_MORE, "malloc_more", 0)                                                               \
    X(MALLOC_LESS, "malloc_less", 0)                                                               \
    X(MALLOC_OTHER, "malloc_other", 0)                                                             \
    X(ALLOCATOR_MORE, "allocator_more", 0)                                                         \
    X(ALLOCATOR_LESS, "allocator_less", 0)                                                         \
    X(ALLOCATOR_OTHER, "allocator_other", 0)                                                       \
    /* brk(2), by the program itself */                                                            \
    X(BREAK_UP, "break_up", 0)                                                                     \
    X(BREAK_DOWN, "break_down", 0)                                                                 \
    /* mmap(2), shmat(2) */                                                                        \
    X(FILE_MAPPED, "file_mapped", 0)                                                               \
    X(SHARED_MAPPED, "shared_mapped", 0)                                                           \
    X(ANONYMOUS_MAPPED, "anonymous_mapped", 0)                                                     \
    X(CLOSED_MAPPED, "closed_mapped", 0)                                                           \
    X(GUARD_MAPPED, "guard_mapped", 0)                                                             \
    X(THREAD_STACK, "thread_stack", 0)                                                             \
    X(THREAD_STACK_JOINED, "thread_stack_joined", 0)                                               \
    X(CHILD_STACK, "child_stack", 0)                                                               \
    X(STACK_MAPPED, "stack_mapped", 0)                                                             \
    X(JOINED, "joined", 0)                                                                         \
    X(REPLACED, "replaced", 0)                                                                     \
    X(REPLACED_PART, "replaced_part", 0)                                                           \
    X(REPLACED_MIDDLE, "replaced_middle", 0)                                                       \
    /* munmap(2), shmdt(2) */                                                                      \
    X(UNMAPPED, "unmapped", 0)                                                                     \
    X(UNMAPPED_PART, "unmapped_part", 0)                                                           \
    X(UNMAPPED_MIDDLE, "unmapped_middle", 0)                                                       \
    /* mprotect(2) */                                                                              \
    X(PROTECTED, "protected", 0)                                                                   \
    X(PROTECTED_PART, "protected_part", 0)                                                         \
    X(PROTECTED_ALIKE, "protected_alike", 0)                                                       \
    X(BORDER_MOVED, "border_moved", 0)                                                             \
    /* mremap(2) */                                                                                \
    X(REMAPPED_IN_PLACE, "remapped_in_place", 0)                                                   \
    X(REMAPPED_MOVED, "remapped_moved", 0)                                                         \
    X(REMAPPED_FIXED, "remapped_fixed", 0)                                                         \
    X(REMAPPED_TWICE, "remapped_twice", 0)                                                         \
    X(REMAPPED_EMPTIED, "remapped_emptied", 0)                                                     \
    /* madvise(2), mlock(2) and their kin */                                                       \
    X(FLAGS_CHANGED, "flags_changed", 0)                                                           \
    /* any other system call, or a call of which no more is known */                               \
    X(CALL, "call", 0)                                                                             \
    /* the dynamic loader at work: elf/dl-map-segments.h, elf/dl-load.c, elf/dl-cache.c */         \
    X(LIBRARY_PLACE, "library_place", 0)                                                           \
    X(LIBRARY_CODE, "library_code", 0)                                                             \
    X(LIBRARY_DATA, "library_data", 0)                                                             \
    X(LIBRARY_CONSTANTS, "library_constants", 0)                                                   \
    X(LIBRARY_BSS, "library_bss", 0)                                                               \
    X(LIBRARY_CACHE, "library_cache", 0)                                                           \
    X(LIBRARY_CACHE_LEFT, "library_cache_left", 0)                                                 \
    X(LIBRARY_REMOVED, "library_removed", 0)                                                       \
    X(LOADER_MEMORY, "loader_memory", 0)                                                           \
    X(RELRO, "relro", 0)                                                                           \
    /* a look that tells no more than that somebody was at work */                                 \
    X(LOADER_LOADED, "loader_loaded", 0)                                                           \
    X(LOADER_UNLOADED, "loader_unloaded", 0)                                                       \
    X(LOADER_WORKED, "loader_worked", 0)                                                           \
    X(STACK_TOUCHED, "stack_touched", 0)                                                           \
    X(STACK_USED, "stack_used", A(USED))                                                           \
    X(STACK_FULL, "stack_full", A(USED), A(LIMIT))                                                 \
    X(STACK_RETURNED, "stack_returned", 0)                                                         \
    X(TRACER, "tracer", 0)                                                                         \
    X(OVERLOOKED, "overlooked", 0)                                                                 \
    X(UNATTRIBUTED, "unattributed", 0)

#define REASON_ENUM_ARG(name, text, type) REASON_ARG_##name,
#define REASON_ENUM_CODE(name, text, ...) REASON_##name,

enum reason_arg { REASON_ARG_NONE, REASON_ARGS(REASON_ENUM_ARG) REASON_ARG_COUNT };
enum reason_code { REASONS(REASON_ENUM_CODE) REASON_COUNT };

enum reason_arg_type {
    REASON_BYTES,
    REASON_ROOM, /* bytes that need not be told exactly */
    REASON_TIME, /* nanoseconds since the start of the trace */
};

struct reason {
    enum reason_code code;
    uint64_t args[REASON_ARGS_MAX]; /* in the order of the code's list */
};

const char *reason_name(enum reason_code code);
const char *reason_arg_name(enum reason_arg arg);
enum reason_arg_type reason_arg_type(enum reason_arg arg);
unsigned reason_arg_count(enum reason_code code);
enum reason_arg reason_arg_at(enum reason_code code, unsigned index);
