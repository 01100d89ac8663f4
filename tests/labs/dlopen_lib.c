/*
 * dlopen_lib: a library that comes and goes while the program runs.
 *
 * Unlike lib_cos, this program is not linked with libm. dlopen puts the library's regions (code,
 * read-only data, data) into the map, dlsym finds a function in them, dlclose takes them out.
 * Link with -ldl where the C library is old (glibc < 2.34).
 */
#include <dlfcn.h>

#include "lab.h"

int main(void)
{
    void *library = dlopen("libm.so.6", RTLD_NOW);
    printf("@ dlopen libm.so.6 line %d\n", __LINE__ - 1);
    if (library == NULL) {
        fprintf(stderr, "dlopen_lib: %s\n", dlerror());
        return EXIT_FAILURE;
    }
    double (*cosine)(double) = (double (*)(double))dlsym(library, "cos");
    check(cosine != NULL, "dlsym");
    printf("cos(1) = %.6f\n", cosine(1.0));
    printf("@ addr cos %p\n", (void *)cosine);

    dlclose(library);
    printf("@ dlclose libm.so.6 line %d\n", __LINE__ - 1);
    printf("cos was at %p; a call now would end in SIGSEGV\n", (void *)cosine);
    return 0;
}
