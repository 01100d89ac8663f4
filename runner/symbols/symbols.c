#include "runner/symbols/symbols.h"
#include "runner/base/memory.h"
#include "runner/symbols/debug_files.h"
#include "runner/symbols/symbol_file.h"
#include <string.h>

#define FIRST_PLACES 1024u /* a power of two */
#define BLOCK 1024u        /* answers that are allocated at once */

struct answer {
    const struct symbol_file *file;
    uint64_t address;
    struct symbol symbol;
};

/* Where an answer is. Most comparisons end with the hash, and the answer is not touched. */
struct answer_place {
    uint32_t hash;
    uint32_t number; /* of the answer, from 1; 0: free */
};

struct named_file {
    char *path;
    struct symbol_file *file;
};

/* Both tables: open addressing, half of the places free, so a search ends. */
struct symbols {
    const char *debug_root;
    bool brief;
    struct demangled demangled;
    struct named_file *files;
    size_t file_places, file_count;
    const struct named_file *last; /* most frames are in the same file as the one before */
    struct answer_place *places;
    size_t answer_places;
    struct answer **blocks; /* of BLOCK answers each, which never move: others refer to them */
    size_t block_room, answer_count;
};

static const struct symbol nothing;

/* ---- files ---- */

bool symbols_of_system(const char *path)
{
    return strncmp(path, "/lib", 4) == 0 || strncmp(path, "/usr/lib", 8) == 0;
}

static struct named_file *file_place(struct named_file *files, size_t places, const char *path)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *c = path; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    size_t at = hash & (places - 1);
    while (files[at].path && strcmp(files[at].path, path) != 0)
        at = (at + 1) & (places - 1);
    return &files[at];
}

static void grow_files(struct symbols *s)
{
    size_t places = s->file_places ? 2 * s->file_places : 64;
    struct named_file *files = memory_get(places * sizeof *files);
    for (size_t i = 0; i < s->file_places; i++)
        if (s->files[i].path)
            *file_place(files, places, s->files[i].path) = s->files[i];
    memory_put(s->files);
    s->files = files;
    s->file_places = places;
    s->last = NULL;
}

static struct symbol_file *find_file(struct symbols *s, const char *path)
{
    if (s->last && strcmp(s->last->path, path) == 0)
        return s->last->file;
    if (2 * s->file_count >= s->file_places)
        grow_files(s);
    struct named_file *place = file_place(s->files, s->file_places, path);
    if (!place->path) {
        bool lines = !s->brief || !symbols_of_system(path);
        *place =
            (struct named_file){memory_text(path), symbol_file_new(path, s->debug_root, lines)};
        s->file_count++;
    }
    s->last = place;
    return place->file;
}

/* ---- answers ---- */

static struct answer *answer_of(const struct symbols *s, uint32_t number)
{
    return &s->blocks[(number - 1) / BLOCK][(number - 1) % BLOCK];
}

static uint32_t hash_of(const struct symbol_file *file, uint64_t address)
{
    return (uint32_t)((address ^ (uintptr_t)file >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static bool is_answer(const struct answer *answer, const struct symbol_file *file, uint64_t address)
{
    return answer->file == file && answer->address == address;
}

/* The place of the answer, or the free one where it belongs. */
static struct answer_place *find_place(const struct symbols *s, const struct symbol_file *file,
                                       uint64_t address)
{
    uint32_t hash = hash_of(file, address);
    size_t at = hash & (s->answer_places - 1);
    while (s->places[at].number && (s->places[at].hash != hash ||
                                    !is_answer(answer_of(s, s->places[at].number), file, address)))
        at = (at + 1) & (s->answer_places - 1);
    s->places[at].hash = hash;
    return &s->places[at];
}

static void grow_answers(struct symbols *s)
{
    size_t count = s->answer_places ? 2 * s->answer_places : FIRST_PLACES;
    struct answer_place *places = memory_get(count * sizeof *places);
    for (size_t i = 0; i < s->answer_places; i++) {
        size_t at = s->places[i].hash & (count - 1);
        if (!s->places[i].number)
            continue;
        while (places[at].number)
            at = (at + 1) & (count - 1);
        places[at] = s->places[i];
    }
    memory_put(s->places);
    s->places = places;
    s->answer_places = count;
}

static struct answer *new_answer(struct symbols *s)
{
    size_t block = s->answer_count / BLOCK;
    if (block == s->block_room) {
        s->block_room = s->block_room ? 2 * s->block_room : 16;
        s->blocks = memory_resize(s->blocks, s->block_room * sizeof *s->blocks);
    }
    if (s->answer_count % BLOCK == 0)
        s->blocks[block] = memory_get(BLOCK * sizeof **s->blocks);
    return &s->blocks[block][s->answer_count++ % BLOCK];
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
    if (2 * s->answer_count >= s->answer_places)
        grow_answers(s);
    struct answer_place *place = find_place(s, file, address);
    if (!place->number) {
        struct answer *answer = new_answer(s);
        *answer = (struct answer){file, address, symbol_file_find(file, address, &s->demangled)};
        place->number = (uint32_t)s->answer_count;
    }
    return &answer_of(s, place->number)->symbol;
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
    for (size_t i = 0; i < s->file_places; i++) {
        if (s->files[i].path)
            symbol_file_free(s->files[i].file);
        memory_put(s->files[i].path);
    }
    memory_put(s->files);
    for (size_t i = 0; i < s->answer_count; i += BLOCK)
        memory_put(s->blocks[i / BLOCK]);
    memory_put(s->blocks);
    memory_put(s->places);
    demangled_free(&s->demangled);
    memory_put(s);
}
