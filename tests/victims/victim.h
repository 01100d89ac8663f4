/*
 * What the victims share: printing that neither allocates nor buffers, and calls that report
 * themselves.
 *
 * A line that starts with '@' is for the test. It goes out with one write(2), so it is whole even
 * when several threads or processes print, and none is lost when the program dies.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* As printf, for lines up to 1 KiB. For %s, %d, %x, %lu and the like vsnprintf allocates nothing.
 */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
    char line[1024];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof line - 1)
        length = (int)sizeof line - 1;
    if (length > 0 && write(STDOUT_FILENO, line, (size_t)length) < 0)
        _exit(99); /* nobody can read what we know */
}

__attribute__((noreturn)) static inline void give_up(const char *what)
{
    perror(what);
    _exit(98);
}

static inline void *say_malloc(size_t size, void *block, int line)
{
    say("@ malloc %zu 0x%lx line %d\n", size, (unsigned long)block, line);
    return block;
}

/* Macros, so that the call itself is at the line that is printed. SIZE is evaluated twice. */
#define MALLOC(size) say_malloc((size), malloc(size), __LINE__)

#define FREE(block)                                                                                \
    do {                                                                                           \
        void *block_ = (block);                                                                    \
        volatile unsigned long address_ =                                                          \
            (unsigned long)block_; /* only the number: the block will be gone */                   \
        free(block_);                                                                              \
        say("@ free 0x%lx line %d\n", address_, __LINE__);                                         \
    } while (0)

/* A small generator of repeatable numbers. The state must not be 0. */
static inline unsigned int next_number(unsigned int *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}
