#include "shim/base/real.h"
#include "shim/base/state.h"
#include <link.h>
#include <string.h>

struct real real;

#define NAMED(name)                                                                                \
    {                                                                                              \
#name, offsetof(struct real, name)                                                         \
    }

static const struct {
    const char *name;
    size_t place;
} named[] = {
    NAMED(malloc),
    NAMED(calloc),
    NAMED(realloc),
    NAMED(free),
    NAMED(memalign),
    NAMED(aligned_alloc),
    NAMED(posix_memalign),
    NAMED(valloc),
    NAMED(pvalloc),
    NAMED(malloc_usable_size),
    NAMED(mallopt),
    NAMED(mmap),
    NAMED(mmap64),
    NAMED(munmap),
    NAMED(mremap),
    NAMED(mprotect),
    NAMED(brk),
    NAMED(sbrk),
    NAMED(dlopen),
    NAMED(dlmopen),
    NAMED(dlclose),
    NAMED(pthread_create),
    NAMED(system),
    NAMED(popen),
    NAMED(posix_spawn),
    NAMED(posix_spawnp),
    {"__curbrk", offsetof(struct real, curbrk)},
};

void real_resolve(void)
{
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        void *function = dlsym(RTLD_NEXT, named[i].name);
        memcpy((char *)&real + named[i].place, &function, sizeof function);
    }
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
