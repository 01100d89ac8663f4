/*
 * Says how many bytes of the stack each of some calls has used, from several callers each: the
 * stack below is filled with a pattern before the call and looked at after it.
 *
 * Expected: no more than 600 bytes more with the tracer than without.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "victim.h"

#define PAINTED (64u << 10)
#define PATTERN 0xa5
#define RED_ZONE 128

static void *block, *pages, *library;
static volatile int sink;

#define CALLS(F)                                                                                   \
    F(malloc, block = malloc(10))                                                                  \
    F(realloc, block = realloc(block, 5000))                                                       \
    F(free, free(block))                                                                           \
    F(calloc, block = calloc(3, 7))                                                                \
    F(free_again, free(block))                                                                     \
    F(large_malloc, block = malloc(1 << 20))                                                       \
    F(large_realloc, block = realloc(block, 3 << 20))                                              \
    F(large_free, free(block))                                                                     \
    F(memalign, sink = posix_memalign(&block, 64, 100))                                            \
    F(free_aligned, free(block))                                                                   \
    F(mmap, pages = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))               \
    F(mprotect, sink = mprotect(pages, 4096, PROT_NONE))                                           \
    F(mremap, pages = mremap(pages, 4096, 12288, MREMAP_MAYMOVE))                                  \
    F(madvise, sink = madvise(pages, 4096, MADV_DONTDUMP))                                         \
    F(munmap, sink = munmap(pages, 12288))                                                         \
    F(sbrk, pages = sbrk(4096))                                                                    \
    F(dlopen, library = dlopen("libutil.so.1", RTLD_NOW))                                          \
    F(malloc_after_dlopen, block = malloc(20))                                                     \
    F(dlclose, sink = library ? dlclose(library) : 0)                                              \
    F(free_after_dlclose, free(block))

/* From a caller of its own each, with a chain of `deeper` more: a stack that was not met before. */
#define MEASURE(name, call)                                                                        \
    __attribute__((noinline)) static unsigned name##_depth(int deeper)                             \
    {                                                                                              \
        if (deeper)                                                                                \
            return name##_depth(deeper - 1) + (unsigned)(sink = 0);                                \
        register volatile unsigned char *sp, *low;                                                 \
        __asm__ volatile("mov %%" SP ", %0" : "=r"(sp));                                           \
        for (low = sp - RED_ZONE; low > sp - PAINTED;)                                             \
            *--low = PATTERN;                                                                      \
        call;                                                                                      \
        for (low = sp - PAINTED; *low == PATTERN;)                                                 \
            low++;                                                                                 \
        return (unsigned)(sp - low);                                                               \
    }
#ifdef __i386__
#define SP "esp"
#else
#define SP "rsp"
#endif
CALLS(MEASURE)

#define SAY(name, call) say("@ used %s %u\n", #name, name##_depth(deeper));

int main(void)
{
    for (int deeper = 0; deeper < 3; deeper++) {
        CALLS(SAY)
    }
    return 0;
}
