/* malloc(3) and its kin, as the program and its libraries call them. */
#ifndef PMT_HOOKS_MALLOC_H
#define PMT_HOOKS_MALLOC_H

#include <stdbool.h>

/* Finds the functions behind ours: all hooks' in one go, before anything is traced. */
void hooks_resolve(void);
void hooks_malloc_resolve(void);
void hooks_map_resolve(void);
void hooks_call_resolve(void);

/* Whether the program and ld.so call our malloc: not if the program defines one itself. */
bool hooks_malloc_are_used(void);

/* Whether the allocator behind us is the one of glibc. */
bool hooks_malloc_is_glibc(void);

#endif
