#include "runner/symbols/symbols.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/symbols/debug_files.h"
#include "runner/symbols/symbol_file.h"
#include <string.h>

struct named_file {
    char *path;
    struct symbol_file *file;
};

/* Entries never move: others refer to them. */
struct symbols {
    const char *debug_root;
    bool brief;
    struct demangled demangled;
    struct table files;            /* of struct named_file */
    const struct named_file *last; /* most frames are in the same file as the one before */
    struct table answers;
};

struct answer {
    struct answer_key {
        const struct symbol_file *file;
        uint64_t address;
    } key;
    struct symbol symbol;
};

static const struct symbol nothing;

/* ---- files ---- */

bool symbols_of_system(const char *path)
{
    return text_starts(path, "/lib") || text_starts(path, "/usr/lib");
}

static bool has_path(const void *entry, const void *path, size_t size)
{
    (void)size; /* both end with a zero byte */
    return strcmp(((const struct named_file *)entry)->path, path) == 0;
}

static struct symbol_file *find_file(struct symbols *s, const char *path)
{
    if (s->last && strcmp(s->last->path, path) == 0)
        return s->last->file;
    void **at = table_place(&s->files, path, strlen(path), has_path);
    struct named_file *found = *at;
    if (!found) {
        bool lines = !s->brief || !symbols_of_system(path);
        *at = found = memory_get(sizeof *found);
        *found =
            (struct named_file){memory_text(path), symbol_file_new(path, s->debug_root, lines)};
    }
    s->last = found;
    return found->file;
}

static void put_file(void *entry)
{
    struct named_file *named = entry;
    symbol_file_free(named->file);
    memory_put(named->path);
    memory_put(named);
}

/* ---- answers ---- */

static bool has_key(const void *entry, const void *key, size_t size)
{
    return memcmp(&((const struct answer *)entry)->key, key, size) == 0;
}

const struct symbol *symbols_resolve(struct symbols *s, const char *path, uint64_t file_offset,
                                     bool exact_ip)
{
    uint64_t address;
    if (!exact_ip && file_offset == 0)
        return &nothing;
    struct symbol_file *file = find_file(s, path);
    if (!symbol_file_address(file, exact_ip ? file_offset : file_offset - 1, &address))
        return &nothing;
    const struct answer_key key = {file, address};
    void **at = table_place(&s->answers, &key, sizeof key, has_key);
    struct answer *answer = *at;
    if (!answer) {
        *at = answer = memory_get(sizeof *answer);
        *answer = (struct answer){key, symbol_file_find(file, address, &s->demangled)};
    }
    return &answer->symbol;
}

/* ---- life ---- */

struct symbols *symbols_new_below(const char *debug_root)
{
    struct symbols *s = memory_get(sizeof *s);
    s->debug_root = debug_root;
    return s;
}

struct symbols *symbols_new(bool brief)
{
    struct symbols *s = symbols_new_below(DEBUG_ROOT);
    s->brief = brief;
    return s;
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    table_free(&s->files, put_file);
    table_free(&s->answers, memory_put);
    demangled_free(&s->demangled);
    memory_put(s);
}
