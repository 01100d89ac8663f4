/*
 * own_library_lib: functions of libc's names, which are not ready before main.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "victim.h"

int library_ready, library_calls;

static void note(void)
{
    if (!library_ready)
        __builtin_trap();
    library_calls++;
}

void *memcpy(void *to, const void *from, size_t size)
{
    note();
    for (size_t i = 0; i < size; i++)
        ((char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    note();
    for (size_t i = 0; i < size; i++)
        ((volatile char *)to)[i] = (char)byte;
    return to;
}

size_t strlen(const char *s)
{
    size_t length = 0;

    note();
    while (s[length])
        length++;
    return length;
}

void *dlsym(void *restrict handle, const char *restrict name)
{
    (void)handle, (void)name;
    note();
    return NULL;
}

int dl_iterate_phdr(int (*look)(struct dl_phdr_info *, size_t, void *), void *data)
{
    (void)look, (void)data;
    note();
    return 0;
}

unsigned long getauxval(unsigned long type)
{
    note();
    return type;
}
