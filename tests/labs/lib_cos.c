/*
 * lib_cos [X]: a library in the map.
 *
 * Compile it in two ways and compare the maps, and the sizes of the files:
 *   gcc -m32 -g lib_cos.c -o lib_cos -lm                 cos stays in libm.so, mapped at the start
 *   gcc -m32 -g -static lib_cos.c -o lib_cos_static -lm  cos is copied into the executable
 */
#include <math.h>

#include "lab.h"

int main(int argc, char *argv[])
{
    double x = argc > 1 ? atof(argv[1]) : 1.0;

    printf("cos(%g) = %.6f\n", x, cos(x));
    printf("@ addr main %p\n", (void *)main);
    printf("@ addr cos %p\n", (void *)cos);
    printf("@ addr printf %p\n", (void *)printf);
    show_map("main");
    return 0;
}
