#include "symbols.h"
#include "debug_files.h"
#include "memory.h"
#include "symbol_file.h"
#include <string.h>

#define FIRST_PLACES 1024u /* a power of two */
#define BLOCK 1024u        /* answers that are allocated at once */

struct answer {
    const struct symbol_file *file;
    uint64_t address;
    struct symbol symbol;
};

/* Answers never move: others refer to them. */
struct block {
    struct block *next;
    struct answer answers[BLOCK];
};

struct named_file {
    char *path;
    struct symbol_file *file;
};

/* Both tables: open addressing, half of the places free, so a search ends. */
struct symbols {
    const char *debug_root;
    struct demangled demangled;
    struct named_file *files;
    size_t file_places, file_count;
    const struct named_file *last; /* most frames are in the same file as the one before */
    struct answer **answers;
    size_t answer_places, answer_count;
    struct block *blocks; /* the newest first: only that one has room */
};

static const struct symbol nothing;

/* ---- files ---- */

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
        *place = (struct named_file){memory_text(path), symbol_file_new(path, s->debug_root)};
        s->file_count++;
    }
    s->last = place;
    return place->file;
}

/* ---- answers ---- */

static struct answer **answer_place(struct answer **answers, size_t places,
                                    const struct symbol_file *file, uint64_t address)
{
    uint64_t hash = (address ^ (uintptr_t)file >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 20) & (places - 1);
    while (answers[at] && (answers[at]->file != file || answers[at]->address != address))
        at = (at + 1) & (places - 1);
    return &answers[at];
}

static void grow_answers(struct symbols *s)
{
    size_t places = s->answer_places ? 2 * s->answer_places : FIRST_PLACES;
    struct answer **answers = memory_get(places * sizeof(struct answer *));
    for (size_t i = 0; i < s->answer_places; i++)
        if (s->answers[i])
            *answer_place(answers, places, s->answers[i]->file, s->answers[i]->address) =
                s->answers[i];
    memory_put(s->answers);
    s->answers = answers;
    s->answer_places = places;
}

static struct answer *new_answer(struct symbols *s)
{
    size_t used = s->answer_count++ % BLOCK;
    if (used == 0) {
        struct block *block = memory_get(sizeof *block);
        block->next = s->blocks;
        s->blocks = block;
    }
    return &s->blocks->answers[used];
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
    struct answer **place = answer_place(s->answers, s->answer_places, file, address);
    if (!*place) {
        *place = new_answer(s);
        **place = (struct answer){file, address, symbol_file_find(file, address, &s->demangled)};
    }
    return &(*place)->symbol;
}

/* ---- life ---- */

struct symbols *symbols_new_below(const char *debug_root)
{
    struct symbols *s = memory_get(sizeof *s);
    s->debug_root = debug_root;
    return s;
}

struct symbols *symbols_new(void)
{
    return symbols_new_below(DEBUG_ROOT);
}

static void free_blocks(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        memory_put(block);
        block = next;
    }
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
    memory_put(s->answers);
    free_blocks(s->blocks);
    demangled_free(&s->demangled);
    memory_put(s);
}
