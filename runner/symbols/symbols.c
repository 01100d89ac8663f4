#include "runner/symbols/symbols.h"
#include "runner/base/memory.h"
#include "runner/base/now.h"
#include "runner/symbols/answer.h"
#include "runner/symbols/debug_files.h"
#include "runner/symbols/inventory_answer.h"
#include "runner/symbols/reader.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READERS_MAX 8u /* then there are no more names: something is wrong with all files */

struct named_file {
    char *path;
    bool bad; /* its reader has not come back */
};

/* Entries never move: others refer to them. */
struct symbols {
    const char *debug_root;
    bool brief;
    int reader; /* -1: none */
    unsigned readers;
    struct names names;
    struct table files;      /* of struct named_file */
    struct named_file *last; /* most frames are in the same file as the one before */
    struct table answers;
};

struct answer {
    struct answer_key {
        const struct named_file *file;
        uint64_t offset;
    } key;
    struct symbol symbol;
};

static const struct symbol nothing;

/* ---- the reader ---- */

static bool receive(int fd, void *out, size_t size, uint64_t deadline)
{
    while (size) {
        uint64_t now = now_ns(CLOCK_MONOTONIC);
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (now >= deadline)
            return false;
        int ready = poll(&wait, 1, (int)((deadline - now) / 1000000) + 1);
        ssize_t got = ready > 0 ? recv(fd, out, size, MSG_DONTWAIT) : 0;
        if (ready > 0 && (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)))
            return false;
        out = (char *)out + (got > 0 ? got : 0);
        size -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool send_question(const struct symbols *s, const char *path, const char *name,
                          uint64_t offset)
{
    struct {
        struct question question;
        char path[2 * PATH_MAX];
    } q;
    memset(&q.question, 0, sizeof q.question);
    q.question.offset = offset;
    q.question.path_size = (uint32_t)strlen(path);
    memcpy(q.path, path, q.question.path_size);
    size_t more = name ? strnlen(name, PATH_MAX - 2) : 0;
    if (name) {
        q.path[q.question.path_size] = '\0';
        memcpy(q.path + q.question.path_size + 1, name, more);
        q.question.path_size += (uint32_t)more + 1;
    }
    size_t length = sizeof q.question + q.question.path_size;
    return send(s->reader, &q, length, MSG_NOSIGNAL) == (ssize_t)length;
}

/* The answer, of at most `most` bytes, for memory_put(); NULL if none comes. */
static char *ask(const struct symbols *s, const char *path, const char *name, uint64_t offset,
                 uint32_t most, uint32_t *size)
{
    uint64_t deadline = now_ns(CLOCK_MONOTONIC) + READER_SECONDS * 1000000000u;
    if (!send_question(s, path, name, offset) ||
        !receive(s->reader, size, sizeof *size, deadline) || *size > most)
        return NULL;
    char *bytes = memory_get(*size + 1);
    if (receive(s->reader, bytes, *size, deadline))
        return bytes;
    memory_put(bytes);
    return NULL;
}

static void drop_reader(struct symbols *s)
{
    if (s->reader >= 0)
        close(s->reader);
    s->reader = -1;
}

/* Of a file whose reader does not come back nothing more is asked; of others, of a new one. */
static char *answer_of(struct symbols *s, struct named_file *file, const char *name,
                       uint64_t offset, uint32_t most, uint32_t *size)
{
    if (s->reader < 0 && s->readers < READERS_MAX) {
        s->readers++;
        s->reader = reader_start(s->debug_root, s->brief);
    }
    return s->reader < 0 ? NULL : ask(s, file->path, name, offset, most, size);
}

static void give_up(struct symbols *s, struct named_file *file)
{
    if (s->reader >= 0)
        file->bad = true;
    drop_reader(s);
}

static struct symbol find(struct symbols *s, struct named_file *file, uint64_t offset)
{
    struct symbol symbol = nothing;
    uint32_t size = 0;
    char *bytes = answer_of(s, file, NULL, offset, ANSWER_MAX, &size);
    if (!bytes || !answer_read(bytes, size, &s->names, &symbol)) {
        give_up(s, file);
        symbol = nothing;
    }
    memory_put(bytes);
    return symbol;
}

/* ---- what is known already ---- */

static bool has_path(const void *entry, const void *path, size_t size)
{
    (void)size; /* both end with a zero byte */
    return strcmp(((const struct named_file *)entry)->path, path) == 0;
}

static struct named_file *find_file(struct symbols *s, const char *path)
{
    if (s->last && strcmp(s->last->path, path) == 0)
        return s->last;
    void **at = table_place(&s->files, path, strlen(path), has_path);
    if (!*at) {
        struct named_file *file = *at = memory_get(sizeof *file);
        *file = (struct named_file){memory_text(path), path[0] != '/' || strlen(path) >= PATH_MAX};
    }
    return s->last = *at;
}

static bool has_key(const void *entry, const void *key, size_t size)
{
    return memcmp(&((const struct answer *)entry)->key, key, size) == 0;
}

const struct symbol *symbols_resolve(struct symbols *s, const char *path, uint64_t file_offset,
                                     bool exact_ip)
{
    if (!exact_ip && file_offset == 0)
        return &nothing;
    struct named_file *file = find_file(s, path);
    if (file->bad)
        return &nothing;
    const struct answer_key key = {file, exact_ip ? file_offset : file_offset - 1};
    void **at = table_place(&s->answers, &key, sizeof key, has_key);
    struct answer *answer = *at;
    if (!answer) {
        *at = answer = memory_get(sizeof *answer);
        *answer = (struct answer){key, find(s, file, key.offset)};
    }
    return &answer->symbol;
}

bool symbols_inventory(struct symbols *s, const char *path, struct inventory *out)
{
    uint32_t size = 0;
    struct named_file *file = find_file(s, path);
    *out = (struct inventory){0};
    char *bytes =
        file->bad ? NULL : answer_of(s, file, NULL, QUESTION_INVENTORY, INVENTORY_BYTES_MAX, &size);
    bool read = bytes && inventory_read(bytes, size, &s->names, out);
    if (!read && !file->bad)
        give_up(s, file);
    memory_put(bytes);
    return read;
}

void symbols_sites(struct symbols *s, const char *path, struct sites *out)
{
    uint32_t size = 0;
    struct named_file *file = find_file(s, path);
    out->count = 0;
    if (file->bad)
        return;
    char *bytes = answer_of(s, file, NULL, QUESTION_SITES, sizeof out->items, &size);
    if (!bytes || size % sizeof *out->items)
        give_up(s, file);
    else
        out->count = size / (uint32_t)sizeof *out->items;
    memcpy(out->items, bytes ? bytes : "", out->count * sizeof *out->items);
    memory_put(bytes);
}

void symbols_moment(struct symbols *s, const char *path, const char *name,
                    struct moment_places *places)
{
    uint32_t size = 0;
    struct named_file *file = find_file(s, path);
    memset(places, 0, sizeof *places);
    if (file->bad)
        return;
    char *bytes = answer_of(s, file, name, QUESTION_MOMENT, sizeof *places, &size);
    if (bytes && size == sizeof *places)
        memcpy(places, bytes, sizeof *places);
    else
        give_up(s, file);
    if (places->count > MOMENT_PLACES || places->next_count > MOMENT_NEXT)
        places->count = places->next_count = 0;
    memory_put(bytes);
}

/* ---- life ---- */

static void put_file(void *entry)
{
    memory_put(((struct named_file *)entry)->path);
    memory_put(entry);
}

static void put_answer(void *entry)
{
    memory_put((void *)((struct answer *)entry)->symbol.inlined_into);
    memory_put(entry);
}

struct symbols *symbols_new_below(const char *debug_root)
{
    struct symbols *s = memory_get(sizeof *s);
    s->debug_root = debug_root;
    s->reader = -1;
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
    drop_reader(s);
    table_free(&s->files, put_file);
    table_free(&s->answers, put_answer);
    names_free(&s->names);
    memory_put(s);
}
