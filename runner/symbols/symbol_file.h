/* One file with code: where its addresses are, and its names for them. */
#pragma once

#include "runner/symbols/demangle.h"
#include "runner/symbols/inventory.h"
#include "runner/symbols/moment.h"
#include "runner/symbols/sites.h"
#include "runner/symbols/symbol.h"
#include <stdbool.h>
#include <stddef.h>

struct symbol_file;

/* Opens the file at `path`, and the files with its debug information; see debug_files.h for `root`.
 * Without `lines` only the symbol tables are read. Whatever is missing or damaged has no
 * symbols. */
struct symbol_file *symbol_file_new(const char *path, const char *root, bool lines);
void symbol_file_free(struct symbol_file *file);

/* The link-time address of what is at this offset; false if it is in no segment. */
bool symbol_file_address(const struct symbol_file *file, uint64_t offset, uint64_t *address);
/* Adds what variables and functions it has; the strings are those of `names`. */
void symbol_file_inventory(struct symbol_file *file, struct demangled *demangled,
                           struct names *names, struct inventory *out);
/* {0} if nothing is known. Strings and places live as long as the file and `demangled`. */
struct symbol symbol_file_find(struct symbol_file *file, uint64_t address,
                               struct demangled *demangled);

void symbol_file_sites(const struct symbol_file *file, struct sites *out);

void symbol_file_moment(struct symbol_file *file, struct demangled *demangled, struct names *names,
                        const char *name, struct moment_places *out);
