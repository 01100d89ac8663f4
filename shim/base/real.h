/* The functions behind those that the shim interposes. */
#pragma once

#include <dlfcn.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Result, name and parameters of each. */
#define REAL_FUNCTIONS(F)                                                                          \
    F(void *, malloc, (size_t))                                                                    \
    F(void *, calloc, (size_t, size_t))                                                            \
    F(void *, realloc, (void *, size_t))                                                           \
    F(void, free, (void *))                                                                        \
    F(void *, memalign, (size_t, size_t))                                                          \
    F(void *, aligned_alloc, (size_t, size_t))                                                     \
    F(int, posix_memalign, (void **, size_t, size_t))                                              \
    F(void *, valloc, (size_t))                                                                    \
    F(void *, pvalloc, (size_t))                                                                   \
    F(size_t, malloc_usable_size, (void *))                                                        \
    F(int, mallopt, (int, int))                                                                    \
    F(void *, mmap, (void *, size_t, int, int, int, off_t))                                        \
    F(void *, mmap64, (void *, size_t, int, int, int, off64_t))                                    \
    F(int, munmap, (void *, size_t))                                                               \
    F(void *, mremap, (void *, size_t, size_t, int, ...))                                          \
    F(int, mprotect, (void *, size_t, int))                                                        \
    F(int, brk, (void *))                                                                          \
    F(void *, sbrk, (intptr_t))                                                                    \
    F(void *, dlopen, (const char *, int))                                                         \
    F(void *, dlmopen, (Lmid_t, const char *, int))                                                \
    F(int, dlclose, (void *))                                                                      \
    F(int, pthread_create, (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))       \
    F(int, system, (const char *))                                                                 \
    F(FILE *, popen, (const char *, const char *))                                                 \
    F(int, posix_spawn,                                                                            \
      (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,       \
       char *const[], char *const[]))                                                              \
    F(int, posix_spawnp,                                                                           \
      (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,       \
       char *const[], char *const[]))

#define REAL_POINTER(result, name, parameters) result(*name) parameters;

extern struct real {
    REAL_FUNCTIONS(REAL_POINTER)
    void **curbrk; /* glibc's __curbrk: the program break as sbrk(2) last left it */
    int *(*errno_location)(void);
    int (*dladdr1)(const void *, Dl_info *, void **, int);
} real __attribute__((visibility("hidden")));

/* errno is libc's, not that of a function which somebody else calls __errno_location. */
#define real_errno (*real.errno_location())

/* Finds them all in one go, before anything is traced, after library_init(). */
void real_resolve(void);

/* Whether the program and ld.so call the shim's malloc: not if the program defines one itself. */
bool real_malloc_is_behind(void);

/* Whether the allocator behind the shim is the one of glibc. */
bool real_malloc_is_glibc(void);

/* The library, or the program itself, whose malloc is used; NULL: it is libc's. */
const struct link_map *real_allocator(void);
