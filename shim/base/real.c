#include "shim/base/real.h"
#include "shim/base/state.h"
#include <link.h>

struct real real;

void real_resolve(void)
{
#define RESOLVE(result, name, parameters) real.name = dlsym(RTLD_NEXT, #name);
    REAL_FUNCTIONS(RESOLVE)
    real.curbrk = dlsym(RTLD_NEXT, "__curbrk");
}

/* In a program at a fixed address that takes malloc's address, that of its own jump to malloc is
 * malloc's for everybody: a symbol with a value, and undefined nevertheless. */
static bool is_jump(const void *address)
{
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    return dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol &&
           symbol->st_shndx == SHN_UNDEF;
}

bool real_malloc_is_behind(void)
{
    const void *first = dlsym(RTLD_DEFAULT, "malloc");
    return state_owns_code((uintptr_t)first) || (first && is_jump(first));
}

bool real_malloc_is_glibc(void)
{
    Dl_info allocator, libc;
    void *version = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
    return real_malloc_is_behind() && version && dladdr(version, &libc) &&
           dladdr((void *)real.malloc, &allocator) && libc.dli_fbase == allocator.dli_fbase;
}
