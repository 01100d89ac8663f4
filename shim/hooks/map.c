/* mmap(2) and its kin as the program calls them: only the context of the system call that libc then
 * makes, which is what is recorded. */
#include "shim/hooks/hook.h"
#include "shim/hooks/malloc.h"
#include "shim/stacks/unwind.h"
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
    void *(*mmap)(void *, size_t, int, int, int, off_t);
    void *(*mmap64)(void *, size_t, int, int, int, off64_t);
    int (*munmap)(void *, size_t);
    void *(*mremap)(void *, size_t, size_t, int, ...);
    int (*mprotect)(void *, size_t, int);
    int (*brk)(void *);
    void *(*sbrk)(intptr_t);
} real;

void hooks_map_resolve(void)
{
    real.mmap = dlsym(RTLD_NEXT, "mmap");
    real.mmap64 = dlsym(RTLD_NEXT, "mmap64");
    real.munmap = dlsym(RTLD_NEXT, "munmap");
    real.mremap = dlsym(RTLD_NEXT, "mremap");
    real.mprotect = dlsym(RTLD_NEXT, "mprotect");
    real.brk = dlsym(RTLD_NEXT, "brk");
    real.sbrk = dlsym(RTLD_NEXT, "sbrk");
}

#define IN_CALL(type, which, size, expression)                                                     \
    do {                                                                                           \
        if (!hook_active() || thread.busy)                                                         \
            return expression;                                                                     \
        struct call outer;                                                                         \
        hook_enter(&outer, which, (uint64_t)(size), HOOK_FRAME());                                 \
        type result = expression;                                                                  \
        if (unlikely(!process.sees_kernel)) /* else kernel.c knows more */                         \
            unwind_forget();                                                                       \
        hook_look(HOOK_CALLER());                                                                  \
        hook_leave(&outer);                                                                        \
        return result;                                                                             \
    } while (0)

HOOK void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
    IN_CALL(void *, PMT_CALL_MMAP, length, real.mmap(addr, length, prot, flags, fd, offset));
}

HOOK void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off64_t offset)
{
    IN_CALL(void *, PMT_CALL_MMAP, length, real.mmap64(addr, length, prot, flags, fd, offset));
}

HOOK int munmap(void *addr, size_t length)
{
    IN_CALL(int, PMT_CALL_MUNMAP, length, real.munmap(addr, length));
}

HOOK void *mremap(void *old, size_t old_size, size_t new_size, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    void *fixed = flags & MREMAP_FIXED || flags & MREMAP_DONTUNMAP ? va_arg(list, void *) : NULL;
    va_end(list);
    IN_CALL(void *, PMT_CALL_MREMAP, new_size, real.mremap(old, old_size, new_size, flags, fixed));
}

HOOK int mprotect(void *addr, size_t length, int prot)
{
    IN_CALL(int, PMT_CALL_MPROTECT, length, real.mprotect(addr, length, prot));
}

HOOK int brk(void *end)
{
    IN_CALL(int, PMT_CALL_BRK, 0, real.brk(end));
}

HOOK void *sbrk(intptr_t increment)
{
    IN_CALL(void *, PMT_CALL_SBRK, 0, real.sbrk(increment));
}
