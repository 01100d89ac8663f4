/*
 * joined_lib: the library of joined.c, with a .bss that is larger than any hole between the
 * libraries.
 */
#include <stdint.h>

static char room[1 << 20];
extern char _end[]; /* of the library, by the linker */

/* The end of the .bss in the map, from a function that uses it. */
uintptr_t joined_bss_end(void)
{
    room[0] = 1;
    return ((uintptr_t)_end + 4095) & ~(uintptr_t)4095;
}
