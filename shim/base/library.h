/* The libraries that ld.so has loaded, and what they define: read from its list and from their
 * tables. dlsym(3) and its kin are found by name, and so may be anybody's. */
#pragma once

#include <link.h>
#include <stddef.h>

void library_init(void); /* before all others */

/* In the order of the search: the program, the shim and what else is preloaded, libraries. */
const struct link_map *library_first(void);
const struct link_map *library_loader(void);
const struct link_map *library_libc(void);

/* What dlsym(3) says of `name` if it looks at this one only; `size`, unless NULL: its size. */
void *library_find(const struct link_map *library, const char *name, size_t *size);

/* The first definition in `library` and those behind it; `definer`, unless NULL: where it is. */
void *library_search(const struct link_map *library, const char *name,
                     const struct link_map **definer);

/* What comes behind the shim, as with RTLD_NEXT. */
const struct link_map *library_behind(void);

/* A function of libc or ld.so. */
void *library_system(const char *name);
