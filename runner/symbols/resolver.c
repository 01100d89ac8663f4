#include "runner/symbols/resolver.h"
#include "runner/base/memory.h"
#include "runner/symbols/symbol_file.h"
#include <string.h>

struct named_file {
    char *path;
    struct symbol_file *file;
};

struct resolver {
    const char *debug_root;
    bool brief;
    struct demangled demangled;
    struct table files;            /* of struct named_file */
    const struct named_file *last; /* most frames are in the same file as the one before */
};

static bool has_path(const void *entry, const void *path, size_t size)
{
    (void)size; /* both end with a zero byte */
    return strcmp(((const struct named_file *)entry)->path, path) == 0;
}

static struct symbol_file *find_file(struct resolver *r, const char *path)
{
    if (r->last && strcmp(r->last->path, path) == 0)
        return r->last->file;
    void **at = table_place(&r->files, path, strlen(path), has_path);
    struct named_file *found = *at;
    if (!found) {
        bool lines = !r->brief || !symbol_of_system(path);
        *at = found = memory_get(sizeof *found);
        *found =
            (struct named_file){memory_text(path), symbol_file_new(path, r->debug_root, lines)};
    }
    r->last = found;
    return found->file;
}

static void put_file(void *entry)
{
    struct named_file *named = entry;
    symbol_file_free(named->file);
    memory_put(named->path);
    memory_put(named);
}

struct symbol resolver_find(struct resolver *r, const char *path, uint64_t offset)
{
    uint64_t address;
    struct symbol_file *file = find_file(r, path);
    if (!symbol_file_address(file, offset, &address))
        return (struct symbol){0};
    return symbol_file_find(file, address, &r->demangled);
}

void resolver_inventory(struct resolver *r, const char *path, struct names *names,
                        struct inventory *out)
{
    symbol_file_inventory(find_file(r, path), &r->demangled, names, out);
}

void resolver_sites(struct resolver *r, const char *path, struct sites *out)
{
    symbol_file_sites(find_file(r, path), out);
}

void resolver_moment(struct resolver *r, const char *path, const char *name,
                     struct moment_places *out)
{
    struct names names = {0};
    symbol_file_moment(find_file(r, path), &r->demangled, &names, name, out);
    names_free(&names);
}

struct resolver *resolver_new(const char *debug_root, bool brief)
{
    struct resolver *r = memory_get(sizeof *r);
    r->debug_root = debug_root;
    r->brief = brief;
    return r;
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    table_free(&r->files, put_file);
    demangled_free(&r->demangled);
    memory_put(r);
}
