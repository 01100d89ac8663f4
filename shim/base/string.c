/* The functions of string.h that the shim uses, and those that the compiler calls by itself: the
 * program's may not be ready yet, or allocate, or be an interceptor's. They are nobody else's: the
 * linker binds all of them inside the shim. */
#include <stdint.h>
#include <string.h>

/* Keeps the compiler from seeing that a loop is just what the function around it is to do, and
 * from calling that. */
#define OPAQUE(x) __asm__("" : "+r"(x))

typedef uintptr_t word __attribute__((may_alias, aligned(1)));
#define WORD sizeof(word)

/* Upwards; the two may overlap if `to` is below, as each word is read before it is written over. */
static void *copy(void *to, const void *from, size_t size)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    for (; size >= WORD; size -= WORD, t += WORD, f += WORD) {
        *(word *)t = *(const word *)f;
        OPAQUE(t);
    }
    for (; size; size--) {
        *t++ = *f++;
        OPAQUE(t);
    }
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    return copy(to, from, size);
}

void *memmove(void *to, const void *from, size_t size)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    if ((uintptr_t)t - (uintptr_t)f >= size)
        return copy(to, from, size);
    while (size--) {
        t[size] = f[size];
        OPAQUE(t);
    }
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    unsigned char *t = to;
    const uintptr_t bytes = (unsigned char)byte * (UINTPTR_MAX / 0xff);
    for (; size >= WORD; size -= WORD, t += WORD) {
        *(word *)t = bytes;
        OPAQUE(t);
    }
    for (; size; size--) {
        *t++ = (unsigned char)byte;
        OPAQUE(t);
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a, *y = b;
    for (; size; size--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

void *memmem(const void *in, size_t size, const void *wanted, size_t length)
{
    const unsigned char *at = in;
    for (; size >= length; size--, at++)
        if (memcmp(at, wanted, length) == 0)
            return (void *)at;
    return NULL;
}

size_t strnlen(const char *s, size_t most)
{
    size_t n = 0;
    while (n < most && s[n]) {
        n++;
        OPAQUE(n);
    }
    return n;
}

size_t strlen(const char *s)
{
    return strnlen(s, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t most)
{
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    for (; most; most--, x++, y++)
        if (*x != *y || !*x)
            return *x - *y;
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
    for (; *s != (char)c; s++)
        if (!*s)
            return NULL;
    return (char *)s;
}

char *strrchr(const char *s, int c)
{
    const char *last = NULL;
    for (; (s = strchr(s, c)); s++) {
        last = s;
        if (!c)
            break;
    }
    return (char *)last;
}

size_t strcspn(const char *s, const char *stop)
{
    size_t n = 0;
    while (s[n] && !strchr(stop, s[n]))
        n++;
    return n;
}

size_t strspn(const char *s, const char *accepted)
{
    size_t n = 0;
    while (s[n] && strchr(accepted, s[n]))
        n++;
    return n;
}

char *strcpy(char *restrict to, const char *restrict from)
{
    return memcpy(to, from, strlen(from) + 1);
}

char *strcat(char *restrict to, const char *restrict from)
{
    strcpy(to + strlen(to), from);
    return to;
}

char *strncat(char *restrict to, const char *restrict from, size_t most)
{
    size_t length = strnlen(from, most);
    char *end = to + strlen(to);
    memcpy(end, from, length);
    end[length] = '\0';
    return to;
}
