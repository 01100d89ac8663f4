#include "shim/base/real.h"
#include "shim/base/library.h"
#include "shim/base/state.h"

struct real real;

void real_resolve(void)
{
#define RESOLVE(result, name, parameters) real.name = library_search(library_behind(), #name, NULL);
    REAL_FUNCTIONS(RESOLVE)
    real.curbrk = library_system("__curbrk");
    real.errno_location = library_system("__errno_location");
    real.dladdr1 = library_system("dladdr1");
}

bool real_malloc_is_behind(void)
{
    const void *first = library_search(library_first(), "malloc", NULL);
    return state_owns_code((uintptr_t)first);
}

const struct link_map *real_allocator(void)
{
    const struct link_map *definer = NULL;
    library_search(real_malloc_is_behind() ? library_behind() : library_first(), "malloc",
                   &definer);
    return definer == library_libc() ? NULL : definer;
}

bool real_malloc_is_glibc(void)
{
    return real_malloc_is_behind() && !real_allocator();
}
