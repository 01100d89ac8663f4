/* mmap(2) and its kin as the program calls them: only the context of the system call that libc then
 * makes, which is what is recorded. */
#include "shim/base/real.h"
#include "shim/hooks/hook.h"
#include "shim/stacks/unwind.h"
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

static void end(bool noted, const struct call *outer, uintptr_t caller)
{
    if (noted && unlikely(!process.sees_kernel)) /* else kernel.c knows more */
        unwind_forget();
    hook_end(noted, outer, caller);
}

HOOK void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
    struct call outer;
    bool noted = hook_begin(&outer, PMT_CALL_MMAP, length, HOOK_FRAME());
    void *result = real.mmap(addr, length, prot, flags, fd, offset);
    end(noted, &outer, HOOK_CALLER());
    return result;
}

HOOK void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off64_t offset)
{
    struct call outer;
    bool noted = hook_begin(&outer, PMT_CALL_MMAP, length, HOOK_FRAME());
    void *result = real.mmap64(addr, length, prot, flags, fd, offset);
    end(noted, &outer, HOOK_CALLER());
    return result;
}

HOOK int munmap(void *addr, size_t length)
{
    struct call outer;
    bool noted = hook_begin(&outer, PMT_CALL_MUNMAP, length, HOOK_FRAME());
    int result = real.munmap(addr, length);
    end(noted, &outer, HOOK_CALLER());
    return result;
}

HOOK void *mremap(void *old, size_t old_size, size_t new_size, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    void *fixed = flags & MREMAP_FIXED || flags & MREMAP_DONTUNMAP ? va_arg(list, void *) : NULL;
    va_end(list);
    struct call outer;
    bool noted = hook_begin(&outer, PMT_CALL_MREMAP, new_size, HOOK_FRAME());
    void *result = real.mremap(old, old_size, new_size, flags, fixed);
    end(noted, &outer, HOOK_CALLER());
    return result;
}

HOOK int mprotect(void *addr, size_t length, int prot)
{
    struct call outer;
    bool noted = hook_begin(&outer, PMT_CALL_MPROTECT, length, HOOK_FRAME());
    int result = real.mprotect(addr, length, prot);
    end(noted, &outer, HOOK_CALLER());
    return result;
}

HOOK int brk(void *address)
{
    struct call outer;
    bool noted = hook_begin(&outer, PMT_CALL_BRK, 0, HOOK_FRAME());
    int result = real.brk(address);
    end(noted, &outer, HOOK_CALLER());
    return result;
}

HOOK void *sbrk(intptr_t increment)
{
    struct call outer;
    bool noted = hook_begin(&outer, PMT_CALL_SBRK, 0, HOOK_FRAME());
    void *result = real.sbrk(increment);
    end(noted, &outer, HOOK_CALLER());
    return result;
}
