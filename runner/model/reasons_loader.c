#include "runner/model/reasons_loader.h"
#include <string.h>

/* How it maps a library, elf/dl-map-segments.h, _dl_map_segments(): all of the file at once, to
 * have a place for it, then its parts over that. */
static enum reason_code of_segment(const struct region *r, enum change_type type)
{
    switch (r->kind) {
    case KIND_LIB_BSS:
        return REASON_LIBRARY_BSS;
    case KIND_LIB_CODE:
        return REASON_LIBRARY_CODE;
    case KIND_LIB_DATA:
        return REASON_LIBRARY_DATA;
    case KIND_LIB_RODATA:
        return type == CHANGE_ADDED ? REASON_LIBRARY_PLACE : REASON_LIBRARY_CONSTANTS;
    default:
        return REASON_NONE;
    }
}

/* elf/dl-cache.c, _dl_load_cache_lookup(). */
static bool is_cache(const struct region *r)
{
    return strcmp(r->path, "/etc/ld.so.cache") == 0;
}

enum reason_code reasons_loader(const struct change *change)
{
    const struct region *r = change_region(change);
    bool appears = change->type == CHANGE_ADDED || change->type == CHANGE_PROTECTION;
    if (cause_maps(&change->cause) && appears) {
        enum reason_code segment = of_segment(r, change->type);
        return segment       ? segment
               : is_cache(r) ? REASON_LIBRARY_CACHE
               : !r->path[0] ? REASON_LOADER_MEMORY
                             : REASON_NONE;
    }
    /* elf/dl-reloc.c, _dl_protect_relro() */
    if (change->cause.kernel == PMT_CALL_MPROTECT && change->type == CHANGE_PROTECTION &&
        !(r->raw.perms & (PMT_PERM_WRITE | PMT_PERM_EXEC)))
        return REASON_RELRO;
    if (change->cause.kernel != PMT_CALL_MUNMAP || change->type != CHANGE_REMOVED)
        return REASON_NONE;
    if (is_cache(r))
        return REASON_LIBRARY_CACHE_LEFT;
    return r->kind >= KIND_LIB_CODE && r->kind <= KIND_LIB_BSS ? REASON_LIBRARY_REMOVED
                                                               : REASON_NONE;
}
