/*
 * early_lib: the library of early.c. Its constructor runs before that of a preloaded library, its
 * destructor after it.
 */
#include <string.h>

#include "early_lib.h"
#include "victim.h"

static char *from_constructor;

__attribute__((constructor)) static void library_starts(void)
{
    say("@ phase library-constructor\n");
    from_constructor = MALLOC(20001);
    FREE(MALLOC(300001));
}

__attribute__((destructor)) static void library_ends(void)
{
    say("@ phase library-destructor\n");
    FREE(from_constructor);
    FREE(MALLOC(20004));
    FREE(MALLOC(300004));
    say("@ end\n");
}

char *early_block(void)
{
    from_constructor = realloc(from_constructor, 20002);
    return from_constructor;
}
