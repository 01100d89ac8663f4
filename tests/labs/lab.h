/* What the lab programs share. map1.c does not use it: there everything is in one file. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Prints our memory map, as map1.c does it: cat is another process, so it needs our PID. */
static inline void show_map(const char *label)
{
    char command[80];

    snprintf(command, sizeof command, "cat /proc/%d/maps", (int)getpid());
    printf("\n@ map-begin %s\n", label);
    fflush(stdout); /* our text must be out before cat writes its own */
    if (system(command) != 0)
        printf("cat could not print the map\n");
    printf("@ map-end %s\n\n", label);
}

/* Ends the program when a system call did not work. */
static inline void check(int worked, const char *what)
{
    if (!worked) {
        perror(what);
        exit(EXIT_FAILURE);
    }
}
