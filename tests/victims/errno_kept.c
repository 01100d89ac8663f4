/*
 * errno_kept: calls every function that the tracer interposes, to succeed and to fail, with errno
 * preset to a marker.
 *
 * Prints "@ errno CALL CASE RESULT ERRNO" for each. The tracer must not change one of these
 * lines: the output of a traced run equals that of an untraced run.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "victim.h"

#define MARKER 1234
#define PAGE 4096

/* Volatile, so that no compiler knows better what the call will do. */
static volatile size_t too_much = (size_t)PTRDIFF_MAX + 1;
static volatile size_t odd_alignment = 3, huge_alignment = (SIZE_MAX >> 1) + 2, small = 100,
                       big = 300000;
static void *volatile block;

static const char *pointer_class(void *pointer)
{
    if (pointer == NULL)
        return "NULL";
    return pointer == (void *)-1 ? "-1" : "pointer";
}

/* Both evaluate CALL once, between setting errno and reading it. */
#define POINTER(name, what, call)                                                                  \
    do {                                                                                           \
        errno = MARKER;                                                                            \
        block = (call);                                                                            \
        int errno_after = errno;                                                                   \
        say("@ errno %s %s %s %d\n", name, what, pointer_class(block), errno_after);               \
    } while (0)

#define INTEGER(name, what, call)                                                                  \
    do {                                                                                           \
        errno = MARKER;                                                                            \
        int result = (call);                                                                       \
        int errno_after = errno;                                                                   \
        say("@ errno %s %s %d %d\n", name, what, result, errno_after);                             \
    } while (0)

#define RELEASE(what)                                                                              \
    do {                                                                                           \
        errno = MARKER;                                                                            \
        free(block);                                                                               \
        int errno_after = errno;                                                                   \
        say("@ errno free %s void %d\n", what, errno_after);                                       \
    } while (0)

static void allocators(void)
{
    POINTER("malloc", "first", malloc(small));
    RELEASE("small");
    POINTER("malloc", "big", malloc(big));
    RELEASE("big");
    POINTER("malloc", "too-much", malloc(too_much));
    RELEASE("null");
    POINTER("calloc", "small", calloc(small, 3));
    RELEASE("small");
    POINTER("calloc", "big", calloc(big, 3));
    RELEASE("big");
    POINTER("calloc", "overflow", calloc(too_much, 4));
    POINTER("realloc", "new", realloc(NULL, small));
    void *volatile kept = block;
    POINTER("realloc", "too-much", realloc(kept, too_much));
    POINTER("realloc", "grow", realloc(kept, small * 10));
    POINTER("realloc", "to-mmap", realloc(block, big));
    POINTER("realloc", "mremap", realloc(block, big * 4));
    POINTER("realloc", "to-zero", realloc(block, small - 100));
    POINTER("reallocarray", "new", reallocarray(NULL, small, 8));
    RELEASE("small");
    POINTER("reallocarray", "overflow", reallocarray(NULL, too_much, 8));
}

static int posix_memalign_result(size_t alignment, size_t size)
{
    void *aligned = NULL;
    int result = posix_memalign(&aligned, alignment, size);
    int errno_after = errno;

    free(result == 0 ? aligned : NULL);
    errno = errno_after;
    return result;
}

static void aligned_allocators(void)
{
    POINTER("memalign", "64", memalign(64, small));
    RELEASE("aligned");
    POINTER("memalign", "big", memalign(PAGE, big));
    RELEASE("aligned-big");
    POINTER("memalign", "too-much", memalign(64, too_much));
    POINTER("memalign", "huge-alignment", memalign(huge_alignment, small));
    POINTER("aligned_alloc", "64", aligned_alloc(64, 640));
    RELEASE("aligned");
    POINTER("aligned_alloc", "too-much", aligned_alloc(64, too_much));
    INTEGER("posix_memalign", "64", posix_memalign_result(64, small));
    INTEGER("posix_memalign", "odd", posix_memalign_result(odd_alignment, small));
    INTEGER("posix_memalign", "too-much", posix_memalign_result(64, too_much));
    POINTER("valloc", "small", valloc(small));
    RELEASE("aligned");
    POINTER("valloc", "too-much", valloc(too_much));
    POINTER("pvalloc", "small", pvalloc(small));
    RELEASE("aligned");
    POINTER("pvalloc", "too-much", pvalloc(too_much));
    INTEGER("mallopt", "mmap-threshold", mallopt(M_MMAP_THRESHOLD, 128 * 1024));
    INTEGER("mallopt", "mxfast-refused", mallopt(M_MXFAST, 1 << 20));
}

static void map_calls(void)
{
    POINTER("mmap", "anonymous",
            mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char *area = block;
    POINTER("mmap", "no-length", mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    POINTER("mmap", "bad-descriptor", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 1000, 0));
    POINTER("mmap64", "anonymous",
            mmap64(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char *other = block;
    POINTER("mmap64", "odd-offset",
            mmap64(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 7));
    INTEGER("mprotect", "middle", mprotect(area + PAGE, PAGE, PROT_READ | PROT_WRITE));
    INTEGER("mprotect", "odd-address", mprotect(area + 1, PAGE, PROT_READ));
    INTEGER("munmap", "other", munmap(other, PAGE));
    INTEGER("mprotect", "unmapped", mprotect(NULL, PAGE, PROT_READ));
    INTEGER("munmap", "odd-address", munmap(area + 1, PAGE));
    INTEGER("munmap", "no-length", munmap(area, 0));
    POINTER("mremap", "move", mremap(area, PAGE, 16 * PAGE, MREMAP_MAYMOVE));
    char *moved = block;
    POINTER("mremap", "unmapped", mremap(NULL, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    POINTER("mremap", "odd-address", mremap(moved + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    INTEGER("munmap", "moved", munmap(moved, 16 * PAGE));
    INTEGER("munmap", "rest", munmap(area + PAGE, 2 * PAGE));
}

static void break_calls(void)
{
    POINTER("sbrk", "where", sbrk(0));
    char *start = block;
    POINTER("sbrk", "up", sbrk(4 * PAGE));
    POINTER("sbrk", "below-zero", sbrk(INTPTR_MIN));
    INTEGER("brk", "down", brk(start));
    INTEGER("brk", "out-of-space", brk((void *)(uintptr_t)(-PAGE)));
}

static void libraries(void)
{
    POINTER("dlopen", "missing", dlopen("libdoes-not-exist.so.0", RTLD_NOW));
    POINTER("dlopen", "self", dlopen(NULL, RTLD_NOW));
    INTEGER("dlclose", "self", dlclose(block));
    POINTER("dlopen", "libc", dlopen("libc.so.6", RTLD_NOW));
    void *libc = block;
    POINTER("dlmopen", "missing", dlmopen(LM_ID_BASE, "libdoes-not-exist.so.0", RTLD_NOW));
    INTEGER("dlclose", "libc", dlclose(libc));
    INTEGER("dlclose", "not-open",
            dlclose(libc)); /* libc itself stays: it is no library of dlopen's */
}

static void *do_nothing(void *argument)
{
    return argument;
}

static void threads(void)
{
    pthread_t thread;
    pthread_attr_t attributes;

    INTEGER("pthread_create", "default", pthread_create(&thread, NULL, do_nothing, NULL));
    pthread_join(thread, NULL);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes,
                              (SIZE_MAX / 4 * 3) & ~(size_t)0xffff); /* 3 of 4 GiB on i386 */
    INTEGER("pthread_create", "huge-stack", pthread_create(&thread, &attributes, do_nothing, NULL));
    pthread_attr_destroy(&attributes);
}

static void processes(void)
{
    extern char **environ;
    char *arguments[] = {"sh", "-c", "exit 5", NULL};
    pid_t child = 0;
    int status = 0;

    INTEGER("system", "null", system(NULL));
    INTEGER("system", "exit-3", system("exit 3"));
    POINTER("popen", "exit-4", popen("exit 4", "r"));
    FILE *pipe = block;
    INTEGER("pclose", "exit-4", pclose(pipe));
    POINTER("popen", "bad-mode", popen("exit 4", "q"));
    INTEGER("posix_spawn", "sh", posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ));
    waitpid(child, &status, 0);
    say("@ status posix_spawn %d\n", status);
    INTEGER("posix_spawn", "missing",
            posix_spawn(&child, "/does/not/exist", NULL, NULL, arguments, environ));
    INTEGER("posix_spawnp", "sh", posix_spawnp(&child, "sh", NULL, NULL, arguments, environ));
    waitpid(child, &status, 0);
    say("@ status posix_spawnp %d\n", status);
    INTEGER("posix_spawnp", "missing",
            posix_spawnp(&child, "does-not-exist", NULL, NULL, arguments, environ));
}

int main(void)
{
    allocators();
    aligned_allocators();
    map_calls();
    break_calls();
    libraries();
    threads();
    processes();
    say("@ end\n");
    return 0;
}
