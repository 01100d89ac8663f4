#include "runner/model/library.h"
#include <string.h>

const char *library_name(const struct library *library)
{
    return basename(library->path);
}

uint64_t library_size(const struct library *library)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < library->regions.count; i++)
        bytes += region_size(library->regions.items[i]);
    return bytes;
}

static bool is_whole(const struct change *change)
{
    return (change->type == CHANGE_ADDED || change->type == CHANGE_REMOVED) && !change->tracer;
}

bool library_has(const struct change *change)
{
    const struct region *r = change_region(change);
    return is_whole(change) && r->path[0] == '/' && r->kind >= KIND_LIB_CODE &&
           r->kind <= KIND_LIB_DATA;
}

/* The .bss right behind the data of the library. */
static bool is_bss(const struct change *change, const struct library *library)
{
    const struct region *r = change_region(change);
    const struct region *last = library->regions.items[library->regions.count - 1];
    return is_whole(change) && r->kind == KIND_LIB_BSS && last->raw.end == r->raw.start;
}

struct library library_collect(struct change_list *changes, size_t first)
{
    const struct change *change = &changes->items[first];
    struct library library = {.path = change_region(change)->path,
                              .loaded = change->type == CHANGE_ADDED,
                              .change = change};
    for (size_t i = first; i < changes->count; i++) {
        struct change *c = &changes->items[i];
        if (c->library || c->type != change->type)
            continue;
        bool of_file = library_has(c) && strcmp(change_region(c)->path, library.path) == 0;
        if (!of_file && (!library.regions.count || !is_bss(c, &library)))
            continue;
        c->library = library.path;
        region_list_add(&library.regions, region_keep(change_region(c)));
    }
    return library;
}

struct library library_in(const struct regions *map, uint64_t lo, uint64_t hi,
                          const struct change *change)
{
    struct library library = {
        .path = change_region(change)->path, .loaded = true, .change = change};
    for (size_t i = regions_index(map, lo); i < map->list.count; i++) {
        struct region *r = map->list.items[i];
        if (r->raw.start >= hi)
            break;
        if (r->kind == KIND_LIB_BSS || strcmp(r->path, library.path) == 0)
            region_list_add(&library.regions, region_keep(r));
    }
    return library;
}
