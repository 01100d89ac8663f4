/*
 * own_library: a program whose library, before libc in the order of the search, has functions of
 * libc's names (own_library_lib.c).
 *
 * They are ready when the program says so, and are called by nobody before.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "victim.h"

extern int library_ready, library_calls;

int main(void)
{
    library_ready = 1;
    for (size_t i = 0; i < 50; i++) {
        char *block = malloc(i * 9000 + 20);
        memcpy(block, "a block", 8);
        block = realloc(block, strlen(block) + i * 20000);
        free(block);
    }
    say("@ end %d calls, %p %lu\n", library_calls, dlsym(RTLD_DEFAULT, "malloc"),
        getauxval(AT_PAGESZ));
    return 0;
}
