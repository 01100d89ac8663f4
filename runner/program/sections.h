/* What size(1) tells of an executable. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sections {
    uint64_t file;            /* bytes of the file */
    uint64_t text, data, bss; /* binutils/size.c, berkeley_or_gnu_sum(): code with what is only
                               * read; variables; those without room in the file */
};

/* False: there is no such regular file, or it is none of ELF with sections. */
bool sections_read(const char *path, struct sections *out);
