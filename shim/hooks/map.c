/* mmap(2) and its kin as the program calls them: only the context of the system call that libc then
 * makes, which is what is recorded. */
#include "shim/base/real.h"
#include "shim/hooks/hook.h"
#include "shim/stacks/unwind.h"
#include <sys/mman.h>
#include <unistd.h>

static void end(bool noted, const struct call *outer, uintptr_t caller)
{
    if (noted && unlikely(!process.sees_kernel)) /* else kernel.c knows more */
        unwind_forget();
    hook_end(noted, outer, caller);
}

/* The body of the interposed functions. */
#define NOTE(which, size, type, behind)                                                            \
    struct call outer;                                                                             \
    bool noted = hook_begin(&outer, which, size, HOOK_FRAME());                                    \
    type result = behind;                                                                          \
    end(noted, &outer, HOOK_CALLER());                                                             \
    return result

HOOK void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
    NOTE(PMT_CALL_MMAP, length, void *, real.mmap(addr, length, prot, flags, fd, offset));
}

HOOK void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off64_t offset)
{
    NOTE(PMT_CALL_MMAP, length, void *, real.mmap64(addr, length, prot, flags, fd, offset));
}

HOOK int munmap(void *addr, size_t length)
{
    NOTE(PMT_CALL_MUNMAP, length, int, real.munmap(addr, length));
}

/* As glibc's: the last argument is there for some flags only, and read for these. */
HOOK void *map_mremap(void *old, size_t old_size, size_t new_size, int flags,
                      void *fixed) __asm__("mremap");
void *map_mremap(void *old, size_t old_size, size_t new_size, int flags, void *fixed)
{
    NOTE(PMT_CALL_MREMAP, new_size, void *, real.mremap(old, old_size, new_size, flags, fixed));
}

HOOK int mprotect(void *addr, size_t length, int prot)
{
    NOTE(PMT_CALL_MPROTECT, length, int, real.mprotect(addr, length, prot));
}

HOOK int brk(void *address)
{
    NOTE(PMT_CALL_BRK, 0, int, real.brk(address));
}

HOOK void *sbrk(intptr_t increment)
{
    NOTE(PMT_CALL_SBRK, 0, void *, real.sbrk(increment));
}
