/* The regions of one process image, as the model knows them. */
#pragma once

#include "runner/model/kinds.h"
#include "schemas/record.h"
#include <stdbool.h>
#include <stddef.h>

/* Immutable once it is in the map, and counted: a change keeps the regions that it speaks of. */
struct region {
    struct pmt_region raw; /* path_size bytes of `path` */
    unsigned refs;
    enum kind kind;
    uint32_t tid; /* a thread's stack: whose it is or was last, 0: not known */
    bool tracer;  /* belongs to procmap-trace, not to the program */
    bool grows;   /* downwards, by page faults: the stack, and what MAP_GROWSDOWN has made */
    char
        path[]; /* terminated; bytes as the kernel gave them, kernel names like "[heap]" included */
};

struct region *region_new(const struct pmt_region *raw, const char *path); /* one reference */
struct region *region_copy(const struct region *region);                   /* likewise */
struct region *region_part(const struct region *region, uint64_t lo, uint64_t hi); /* likewise */
struct region *region_keep(struct region *region);
void region_drop(struct region *region);                          /* NULL is ignored */
bool region_same(const struct region *a, const struct region *b); /* place, permissions, backing */

/* Paths do not count where there is an inode: a file may be renamed, deleted or mounted elsewhere
 * without any change of the map. Without a file the path is the kernel's name of the region. */
bool region_same_file(const struct region *a, const struct region *b);

/* Whether they can be parts of the same memory, where they overlap or meet: the same file at the
 * place that the addresses say, or no file in either. The kernel's names do not count: a part of
 * [stack] or [heap] may lose its name, prctl(2) gives others. */
bool region_same_memory(const struct region *a, const struct region *b);

static inline uint64_t region_size(const struct region *r)
{
    return r->raw.end - r->raw.start;
}

static inline bool region_is_closed(const struct region *r) /* no access at all */
{
    return !(r->raw.perms & (PMT_PERM_READ | PMT_PERM_WRITE | PMT_PERM_EXEC));
}

/* A growing array of references. */
struct region_list {
    struct region **items;
    size_t count, room;
};

void region_list_add(struct region_list *list, struct region *region); /* takes the reference */
void region_list_copy(struct region_list *to, const struct region_list *from); /* `to` is empty */
void region_list_clear(struct region_list *list); /* drops the references */
void region_list_free(struct region_list *list);
/* A window reaches as far as the regions in it, which are ascending. */
void region_list_widen(const struct region_list *list, uint64_t *lo, uint64_t *hi);

/* The map: sorted by address, without overlap. */
struct regions {
    struct region_list list;
};

/* The region that contains `address`, borrowed, or NULL; and the index of the first that ends above
 * it. */
struct region *regions_find(const struct regions *map, uint64_t address);
size_t regions_index(const struct regions *map, uint64_t address);

/* Puts a changed copy of `old`, which is in the map, in its place, and returns it. */
struct region *regions_renew(struct regions *map, const struct region *old);

/* "[lo, hi) holds exactly these regions" (ascending; taken over). Regions that are the same as
 * before stay the same object. What is gone is added to `gone`, what is new to `fresh`, both
 * ascending if the windows of one look at the map come in ascending order. */
void regions_replace(struct regions *map, uint64_t lo, uint64_t hi, struct region_list *now,
                     struct region_list *gone, struct region_list *fresh);

/* The map in sums. */
struct totals {
    struct total {
        uint64_t regions, bytes;
    } kinds[KIND_COUNT], program; /* all kinds but KIND_TRACER */
};
struct totals regions_totals(const struct regions *map);
