/*
 * own_strings: a program with string and memory functions of its own, which the calls of all
 * libraries lead to.
 *
 * They are not ready before main, as a sanitizer's are not, and allocate, as those of a program
 * that counts do. Nobody but the program calls them (libc binds its own calls inside): the last
 * line has the number of its own calls.
 */
#include <string.h>
#include <sys/mman.h>

#include "victim.h"

static void (*real)(void); /* set by main */
static long calls;

static void nothing(void)
{
}

static void note(void)
{
    static int inside;

    real();
    calls++;
    if (!inside) {
        inside = 1;
        free(malloc(64));
        inside = 0;
    }
}

void *memcpy(void *to, const void *from, size_t size)
{
    note();
    for (size_t i = 0; i < size; i++)
        ((char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    note();
    for (size_t i = 0; i < size; i++)
        ((volatile char *)to)[i] = (char)byte;
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    note();
    char *t = to;
    const char *f = from;
    for (size_t i = 0; i < size; i++)
        if (t < f)
            t[i] = f[i];
        else
            t[size - 1 - i] = f[size - 1 - i];
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    note();
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

size_t strlen(const char *s)
{
    size_t length = 0;

    note();
    while (s[length])
        length++;
    return length;
}

int strcmp(const char *a, const char *b)
{
    note();
    while (*a && *a == *b)
        a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t most)
{
    note();
    while (most && *a && *a == *b)
        a++, b++, most--;
    return most ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strcpy(char *to, const char *from)
{
    note();
    for (size_t i = 0;; i++)
        if (!(to[i] = from[i]))
            return to;
}

char *strchr(const char *s, int c)
{
    note();
    for (; *s != (char)c; s++)
        if (!*s)
            return NULL;
    return (char *)s;
}

int main(void)
{
    real = nothing;
    for (size_t i = 0; i < 50; i++) {
        free(malloc(i * 9000 + 1));
        munmap(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 8192);
    }
    char *(*volatile copy)(char *, const char *) = strcpy; /* not the compiler's */
    char *(*volatile find)(const char *, int) = strchr;
    char word[20];
    copy(word, "hello");
    say("@ end %s %ld calls\n", word, calls);
    return (int)(find(word, 'o') - word);
}
