/* Code of libc and ld.so is changed: five bytes of it lead to the shim. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct patch_code {
    unsigned char *at;
    size_t size;
};

/* The executable segment of the object that is mapped at `base`. */
struct patch_code patch_segment(const void *base);

/* The first place of `bytes` in the code, NULL if there is none. */
unsigned char *patch_find(struct patch_code in, const unsigned char *bytes, size_t size);

/* The same, if it is the only one, and all of an instruction: nothing in front of `bytes` changes
 * what they mean. */
unsigned char *patch_find_only(struct patch_code in, const unsigned char *bytes, size_t size);

/* All of a segment changes its permissions, so that it stays one region. False where code may not
 * be made writable (SELinux, PR_SET_MDWE). */
bool patch_open(struct patch_code segment);
void patch_close(struct patch_code segment);

#define PATCH_SIZE 5
enum patch_lead { PATCH_CALL = 0xe8, PATCH_JUMP = 0xe9 };

/* False if it is too far. */
bool patch_lead(unsigned char *from, enum patch_lead how, const void *to);
