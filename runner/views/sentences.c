#include "runner/views/sentences.h"

/* one for whole regions and parts; one for each */
#define S(name, text) [REASON_##name] = {text, NULL}
#define P(name, text, of_part) [REASON_##name] = {text, of_part}

const struct sentence sentences[REASON_COUNT] = {
    S(NONE, ""),
    /* glibc's malloc */
    S(HEAP_FIRST,
      "the heap begins: {call} moved the program break up by {bytes}; what is not needed "
      "now is in reserve"),
    S(HEAP_FIRST_BARE, "the heap begins: {call} moved the program break up by {bytes}"),
    S(HEAP_GROWN, "no free block in the heap was large enough: {call} moved its end up by {bytes}"),
    S(HEAP_ALIGNED, "a little more, so that blocks are aligned and the end lies on a page border"),
    S(HEAP_BY_MMAP, "the program break could not be moved: {call} goes on in {bytes} elsewhere, "
                    "for this block and further ones"),
    S(HEAP_TRIMMED, "more than the trim threshold ({trim_threshold}) was free at the end of the "
                    "heap: {call} lowered its end by {bytes}"),
    P(MMAP_THRESHOLD,
      "{size}, with malloc's header, reach the mmap threshold ({threshold}): the block gets a "
      "region of its own",
      "{size}, with malloc's header, reach the mmap threshold ({threshold}): the block gets pages "
      "of its own, which the kernel joins with the region next to them"),
    P(BLOCK_UNMAPPED, "the block had a region of its own: {call} gives it back at once",
      "the block had pages of its own, a part of this region: {call} gives them back at once"),
    S(BLOCK_RESIZED, "the block has pages of its own: {call} lets the kernel resize them where "
                     "they are, without copying"),
    S(BLOCK_MOVED, "the block has pages of its own: {call} lets the kernel resize and move them, "
                   "without copying"),
    S(ARENA_RESERVED, "malloc keeps an arena for further threads: address space for it is "
                      "reserved at once, and made usable as it is needed. More than {reserved} is "
                      "asked for where no place with an aligned address is known"),
    S(ARENA_CUT, "a heap of an arena is {reserved} from an address that is a multiple of that: "
                 "what was reserved around it is given back"),
    S(ARENA_OPENED, "the first pages of an arena's heap become usable; the rest of its {reserved} "
                    "stays reserved"),
    S(ARENA_GROWN, "the arena had no free block that was large enough: {call} made more of what "
                   "is reserved for it usable"),
    S(ARENA_SHRUNK, "the end of an arena's heap is free: {call} gives its memory back and keeps "
                    "the address space"),
    S(ARENA_REMOVED, "a heap of an arena has no block any more: {call} gives it back"),

    /* ... and the blocks that it gives; {made}: how the chunk comes to its size */
    S(BLOCK_AT_TOP, "takes {chunk} ({made}) from the free end of the heap: {left} are left"),
    S(BLOCK_REUSES, "takes the place of a block of {was}, freed at {freed_ns}: {chunk} ({made})"),
    S(BLOCK_IN_HEAP, "takes {chunk} ({made}) of what is free in the heap"),
    S(BLOCK_IN_ARENA, "takes {chunk} ({made}) of what is free in the arena of this thread"),
    S(BLOCK_IN_MAPPED, "takes {chunk} ({made}) of what is free in a region that malloc uses "
                       "as it uses the heap"),
    S(BLOCK_FITS, "takes {chunk} ({made}) of what is free in the heap: only if nothing there were "
                  "large enough, malloc would look at the mmap threshold ({threshold})"),
    S(BLOCK_HAS_ROOM, "stays where it is: its {chunk} have room for {asked}"),
    S(BLOCK_GROWN, "stays where it is and grows to {chunk} ({made}): what lies behind it was free"),
    S(BLOCK_CUT, "stays where it is and keeps {chunk} ({made}): the rest is free now"),
    S(BLOCK_COPIED, "there was not enough free room behind it: {call} took {chunk} ({made}) "
                    "elsewhere, and copied {copied}"),
    S(BLOCK_BACK, "malloc has {kept} back. The kernel gets memory back only from the end of "
                  "the heap"),
    S(TOO_LARGE, "no block can have more than {most} (PTRDIFF_MAX): malloc does not ask the "
                 "kernel"),
    S(NO_HOLE, "the largest hole in the address space has {hole}: there is no place for {asked} in "
               "one piece"),
    S(REFUSED, "the address space has a hole of {hole}, but the kernel gave no memory: a limit "
               "(ulimit -v, ulimit -d), or more than the system has (overcommit)"),
    S(ABORT_MESSAGE,
      "{call} has found an error: libc keeps its message there, for a core file, and "
      "ends the program"),
    S(MALLOC_MORE, "{call} got more memory"),
    S(MALLOC_LESS, "{call} gave memory back"),
    S(MALLOC_OTHER, "{call} changed its memory"),
    S(ALLOCATOR_MORE, "{call} got more memory"),
    S(ALLOCATOR_LESS, "{call} gave memory back"),
    S(ALLOCATOR_OTHER, "{call} changed its memory"),

    /* system calls */
    S(BREAK_UP, "the program break, where the heap ends, was moved up by {bytes}"),
    S(BREAK_DOWN, "the program break, where the heap ends, was moved down by {bytes}"),
    S(FILE_MAPPED, "the contents of a file appear in memory"),
    S(SHARED_MAPPED, "memory that can be shared with other processes"),
    S(ANONYMOUS_MAPPED, "anonymous memory: no file behind it, filled with zeros"),
    S(CLOSED_MAPPED, "address space that nobody may touch: it has no permissions (PROT_NONE)"),
    S(GUARD_MAPPED, "no access: an overflow of the stack above it is caught here"),
    S(THREAD_STACK, "every thread needs a stack of its own"),
    S(THREAD_STACK_JOINED, "the new thread's stack, for a moment one region with the guard page of "
                           "an older one"),
    S(CHILD_STACK, "a stack for the child process, until it has executed its program"),
    S(STACK_MAPPED, "memory for a stack, as the program says (MAP_STACK)"),
    S(JOINED, "the new pages are next to a region of the same kind: the kernel made one of them"),
    S(REPLACED, "a new mapping takes its place"),
    S(REPLACED_PART, "a new mapping takes the place of a part of it"),
    S(REPLACED_MIDDLE, "a new mapping takes the place of a part of it: it is now {parts} regions"),
    S(UNMAPPED, "unmapped"),
    S(UNMAPPED_PART, "a part of the region was unmapped"),
    S(UNMAPPED_MIDDLE, "a part from the middle was unmapped: what is left are {parts} regions"),
    S(PROTECTED, "permissions changed from {before} to {after}"),
    S(PROTECTED_PART, "part of the region got other permissions, and a region has one set of "
                      "permissions: it is now {parts} regions"),
    S(PROTECTED_ALIKE, "neighbours with the same permissions and backing become one region again"),
    S(BORDER_MOVED, "a border between permissions moved"),
    S(REMAPPED_IN_PLACE, "the kernel resized the region in place"),
    S(REMAPPED_MOVED, "the kernel moved the pages to another place, without copying"),
    S(REMAPPED_FIXED, "the program named the place (MREMAP_FIXED): the kernel moved the pages "
                      "there, without copying"),
    S(REMAPPED_TWICE, "old size 0: the pages stay where they are, and appear a second time here"),
    S(REMAPPED_EMPTIED,
      "the pages moved, and their old place stays mapped, empty (MREMAP_DONTUNMAP)"),
    S(FLAGS_CHANGED, "the kernel keeps one set of flags for each region: different flags, "
                     "different regions"),
    S(CALL, "{system call} changed the map"),

    /* the dynamic loader */
    S(LIBRARY_PLACE, "the dynamic loader loads the library: a place for all of it first, then its "
                     "code and its variables within"),
    S(LIBRARY_CODE, "the library's code: may be executed, but not written"),
    S(LIBRARY_DATA, "the library's variables: pages that are written become this process's own"),
    S(LIBRARY_CONSTANTS, "the library's constants: may only be read"),
    S(LIBRARY_BSS,
      "the library's variables that begin as zero: no file is needed for these (.bss)"),
    S(LIBRARY_CACHE, "the dynamic loader looks up where the libraries are (ldconfig(8))"),
    S(LIBRARY_CACHE_LEFT, "all libraries are found"),
    S(LIBRARY_REMOVED, "the dynamic loader unloads the library"),
    S(LOADER_MEMORY, "memory for the dynamic loader's own notes and for thread-local variables"),
    S(RELRO, "the dynamic loader has filled in addresses here, which nobody is to change from now "
             "on (RELRO)"),

    /* looks */
    S(LOADER_LOADED, "the dynamic loader mapped the library and what it depends on"),
    S(LOADER_UNLOADED, "the dynamic loader unloaded a library"),
    S(LOADER_WORKED, "the dynamic loader mapped or unmapped a library on behalf of the C library"),
    S(STACK_TOUCHED, "the program used more stack than was mapped: each first touch of a page "
                     "below it is a page fault, and the kernel extends the region"),
    S(STACK_USED, "its calls are not over and use {used} of the stack: each first touch of a page "
                  "below it is a page fault, and the kernel extends the region"),
    S(STACK_FULL,
      "its calls are not over and use {used} of the stack, which has reached its limit, "
      "{limit} (ulimit -s)"),
    S(STACK_RETURNED, "most of what is new was used by calls that have returned by now: what the "
                      "kernel has given to a stack stays there"),
    S(TRACER, "procmap-trace's own memory"),
    S(OVERLOOKED, "the map could not be looked at for a while; this happened meanwhile"),
    S(UNATTRIBUTED, "no call that procmap-trace sees made this change (a system call that does "
                    "not go through libc?)"),
};
