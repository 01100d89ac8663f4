/* Code address -> function, file and line, by elfutils (libdwfl, libdw).
 *
 * Works on the files alone: the process may be dead. Separate debug information is found by build
 * id and debuglink below /usr/lib/debug; no debuginfod server is ever asked. The files are foreign
 * input: a missing, unreadable or damaged one has no symbols, nothing more happens. */
#ifndef PROCMAP_TRACE_SYMBOLS_H
#define PROCMAP_TRACE_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

struct symbols;

/* The strings belong to struct symbols and stay valid until symbols_free(). They come from the
 * file: escape them before they reach a screen. */
struct symbol {
    const char *function; /* of C as in the source, of C++ mangled; NULL if unknown */
    const char *file; /* as in the debug information, mostly with directories; NULL if unknown */
    unsigned line;    /* from 1; 0 if unknown */
};

/* NULL when out of memory. */
struct symbols *symbols_new(void);

/* NULL is allowed. */
void symbols_free(struct symbols *symbols);

/* Resolves a code address in a mapped file.
 * path: absolute, as in /proc/PID/maps; anything else ([vdso], "") has no symbols.
 * file_offset: ip - region start + region offset, of the region of path that contains ip.
 * exact_ip: true if ip is the instruction itself (the innermost frame of a signal), false if it is
 * a return address, which may already belong to the next line or function.
 * Every answer is remembered, "nothing found" too; a file is opened once and kept as it was then.
 * Always fills in *out. Returns 0 if the function is known, else -ENOENT. */
int symbols_resolve(struct symbols *symbols, const char *path, uint64_t file_offset, bool exact_ip,
                    struct symbol *out);

#endif
