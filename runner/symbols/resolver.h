/* Code address -> function, file and line, in the process that reads the files. What is found is
 * remembered by symbols.c, which asks. */
#pragma once

#include "runner/symbols/inventory.h"
#include "runner/symbols/moment.h"
#include "runner/symbols/sites.h"
#include "runner/symbols/symbol.h"
#include <stdbool.h>

struct resolver;

/* See symbols.h; `debug_root` must live as long. */
struct resolver *resolver_new(const char *debug_root, bool brief);
/* NULL is allowed. */
void resolver_free(struct resolver *resolver);

/* Of what is at `offset` in the file: {0} if nothing is known. A file is opened once and kept as it
 * was then. Strings and places live as long as the resolver. */
struct symbol resolver_find(struct resolver *resolver, const char *path, uint64_t offset);

/* Adds what variables and functions the file has; its strings are those of `names`. */
void resolver_inventory(struct resolver *resolver, const char *path, struct names *names,
                        struct inventory *out);

void resolver_sites(struct resolver *resolver, const char *path, struct sites *out);

/* "main", "map5.c:12": none where the file has no such function or line. */
void resolver_moment(struct resolver *resolver, const char *path, const char *name,
                     struct moment_places *out);
