/*
 * map1: where does the system put globals, locals, parameters and functions?
 *
 * Compile and run:  gcc -m32 -g map1.c -o map1 && ./map1
 *
 * Find, for each address printed, the region of the map that contains it. Lines that start with
 * '@' say the same as the text, for programs to read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int initialised = 7;     /* has a value at the start: it comes from the executable file */
int uninitialised[4096]; /* has none: it takes no room in the file, and starts as zeros */
char command[80];

void f(int parameter)
{
    int local_of_f = parameter + 1;

    printf("\nIn f:\n");
    printf("  parameter of f              %p\n", (void *)&parameter);
    printf("  local variable of f         %p\n", (void *)&local_of_f);
    printf("@ addr parameter %p\n", (void *)&parameter);
    printf("@ addr local_of_f %p\n", (void *)&local_of_f);
}

int main(void)
{
    int local = 3; /* lives in main's frame, on the stack */
    int local_uninitialised;

    printf("Functions:\n");
    printf("  main                        %p\n", (void *)main);
    printf("  f                           %p\n", (void *)f);
    printf("Global variables:\n");
    printf("  initialised                 %p\n", (void *)&initialised);
    printf("  uninitialised, first        %p\n", (void *)&uninitialised[0]);
    printf("  uninitialised, last         %p\n", (void *)&uninitialised[4095]);
    printf("  command                     %p\n", (void *)command);
    printf("Local variables of main:\n");
    printf("  local                       %p\n", (void *)&local);
    printf("  local_uninitialised         %p\n", (void *)&local_uninitialised);

    printf("@ addr main %p\n", (void *)main);
    printf("@ addr f %p\n", (void *)f);
    printf("@ addr initialised %p\n", (void *)&initialised);
    printf("@ addr uninitialised_first %p\n", (void *)&uninitialised[0]);
    printf("@ addr uninitialised_last %p\n", (void *)&uninitialised[4095]);
    printf("@ addr command %p\n", (void *)command);
    printf("@ addr local %p\n", (void *)&local);
    printf("@ addr local_uninitialised %p\n", (void *)&local_uninitialised);

    f(40);

    /* The map is a file, /proc/PID/maps. cat is another process, so we tell it our PID. */
    snprintf(command, sizeof command, "cat /proc/%d/maps", (int)getpid());
    printf("\nMemory map of process %d:\n", (int)getpid());
    printf("@ map-begin main\n");
    fflush(stdout); /* our text must be out before cat writes its own */
    if (system(command) != 0)
        printf("cat could not print the map\n");
    printf("@ map-end main\n");
    return 0;
}
