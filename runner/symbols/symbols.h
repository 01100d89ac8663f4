/* Code address -> function, file and line, by elfutils (libdw).
 *
 * Works on the files alone: the process may be dead. Separate debug information is found by build
 * id and debuglink below /usr/lib/debug (see debug_files.h); no debuginfod server is ever asked.
 * The files are foreign input: a missing, unreadable or damaged one has no symbols, nothing more
 * happens. A process of its own reads them (reader.h). */
#pragma once

#include "runner/symbols/inventory.h"
#include "runner/symbols/moment.h"
#include "runner/symbols/sites.h"
#include "runner/symbols/symbol.h"
#include <stdbool.h>

struct symbols;

/* `brief`: of the system's files the functions as they are called are enough, without lines and
 * what is inlined in them. Their debug information is then not read, which would take 50 ms for a
 * libc. */
struct symbols *symbols_new(bool brief);
/* With another folder than /usr/lib/debug, which must live as long. */
struct symbols *symbols_new_below(const char *debug_root);

/* NULL is allowed. */
void symbols_free(struct symbols *symbols);

/* Resolves a code address in a mapped file.
 * path: absolute, as in /proc/PID/maps; anything else ([vdso], "") has no symbols.
 * file_offset: ip - region start + region offset, of the region of path that contains ip.
 * exact_ip: true if ip is the instruction itself (the innermost frame of a signal), false if it is
 * a return address, which may already belong to the next line or function.
 * Every answer is remembered, "nothing found" too; a file is opened once and kept as it was then.
 * Never NULL: what is not known is NULL or 0 in it. It lives as long as `symbols`. */
const struct symbol *symbols_resolve(struct symbols *symbols, const char *path,
                                     uint64_t file_offset, bool exact_ip);

/* What variables and functions the file has, for inventory_free(); the strings live as long as
 * `symbols`. False: nothing can be known. */
bool symbols_inventory(struct symbols *symbols, const char *path, struct inventory *out);

/* The places in its code that make system calls; none where nothing can be known. */
void symbols_sites(struct symbols *symbols, const char *path, struct sites *out);

/* Where a function, or a line "FILE:LINE", is in the file; places->count 0: nowhere. */
void symbols_moment(struct symbols *symbols, const char *path, const char *name,
                    struct moment_places *places);
